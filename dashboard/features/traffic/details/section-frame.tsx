import type { ReactNode } from 'react'
import classes from './details.module.css'

interface Props {
  readonly title: string
  readonly note?: string
  readonly actions?: ReactNode
  readonly children: ReactNode
}

/** A part of the details, under its title. */
export function SectionFrame({ title, note = '', actions, children }: Props) {
  return (
    <section className={classes.section} aria-label={title}>
      {title !== '' && (
        <div className={classes.sectionHead}>
          <h3>{title}</h3>
          <span className={classes.count}>{note}</span>
          <span className={classes.push} />
          {actions}
        </div>
      )}
      {children}
    </section>
  )
}
