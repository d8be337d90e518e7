import type { NodeView } from '../../../src/wire/views.ts'
import { blindSpots } from './blind-spots.ts'
import classes from './health.module.css'
import { Section } from './section.tsx'

/** What nobody can see here, in sentences. */
export function BlindSpots({ nodes }: { readonly nodes: readonly NodeView[] }) {
  const spots = blindSpots(nodes)
  return (
    <Section title="What is not visible, and why" note="since the workers were started">
      {spots.length === 0 ? (
        <p className={classes.nothing}>As far as we know, all that was captured can be seen.</p>
      ) : (
        <dl className={classes.spots}>
          {spots.map(({ node, what, why }) => (
            <div key={`${node}/${what}`}>
              <dt>
                {what}
                {nodes.length > 1 && <span className={classes.role}>{node}</span>}
              </dt>
              <dd>{why}</dd>
            </div>
          ))}
        </dl>
      )}
    </Section>
  )
}
