import { Button } from '@mantine/core'
import { useState } from 'react'
import type { AgentVersion } from '../../../src/wire/agents.ts'
import type { AgentView } from '../../../src/wire/views.ts'
import { ErrorState, LoadingState } from '../../components/states.tsx'
import { formatDateTime } from '../../lib/format.ts'
import { notifyDone, notifyFailure } from '../../lib/notify.ts'
import { useMay } from '../../lib/session.ts'
import classes from './agent-page.module.css'
import { Diff } from './lazy-editor.tsx'
import { agentsApi, useHistory } from './queries.ts'

/** Versions that are kept: what each changed, and the way back to it. */
export function Versions({ agent }: { readonly agent: AgentView }) {
  const { data, error, refetch } = useHistory(agent.id, agent.version)
  const [chosen, choose] = useState<number>()
  if (error !== null)
    return <ErrorState title="The versions cannot be shown" error={error} onRetry={() => void refetch()} />
  if (data === undefined) return <LoadingState what="the versions" />
  const shown = data.find(({ version }) => version === chosen) ?? data[0]
  return (
    <div className={classes.versions}>
      <ol className={classes.versionList} aria-label="Versions">
        {data.map((version) => (
          <li key={version.version}>
            <button
              type="button"
              className={classes.version}
              aria-current={version === shown}
              onClick={() => choose(version.version)}
            >
              Version {version.version}
              {version.version === agent.version && ' (now)'}
              <span className={classes.by}>
                {formatDateTime(Date.parse(version.at))} by {version.by}
              </span>
              {version.note !== undefined && <span className={classes.by}>{version.note}</span>}
            </button>
          </li>
        ))}
      </ol>
      {shown !== undefined && <Compared agent={agent} version={shown} versions={data} />}
    </div>
  )
}

interface ComparedProps {
  readonly agent: AgentView
  readonly version: AgentVersion
  readonly versions: readonly AgentVersion[]
}

/** An old version with what there is now; the newest with the one before it. */
function Compared({ agent, version, versions }: ComparedProps) {
  const mayWrite = useMay('author')
  const isNow = version.version === agent.version
  const before = isNow ? versions[versions.indexOf(version) + 1] : version
  const rollback = async () => {
    try {
      const { version: made } = await agentsApi.rollback(agent.id, version.version)
      notifyDone(`Version ${made} has the code of version ${version.version}`)
    } catch (error) {
      notifyFailure(`Version ${version.version} cannot be brought back`, error)
    }
  }
  if (before === undefined) return <p className={classes.quiet}>This is the only version that is kept.</p>
  const label = isNow ? `What version ${version.version} changed` : `From version ${version.version} to now`
  return (
    <div className={classes.compared}>
      <div className={classes.comparedHead}>
        <span>{label}</span>
        {mayWrite && !isNow && (
          <Button size="compact-xs" variant="default" onClick={() => void rollback()}>
            Roll back to version {version.version}
          </Button>
        )}
      </div>
      <div className={classes.code}>
        <Diff before={before.code} after={isNow ? version.code : agent.code} label={label} />
      </div>
    </div>
  )
}
