import { Anchor, Code } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import type { ScriptingInfo } from '../../../src/wire/authoring.ts'
import type { JobAnswer } from '../../../src/wire/jobs.ts'
import type { AgentView } from '../../../src/wire/views.ts'
import { api } from '../../lib/api.ts'
import { formatDateTime } from '../../lib/format.ts'
import classes from './agent-details.module.css'
import { envKeysIn } from './env-use.ts'

interface Props {
  readonly agent: AgentView | undefined
  readonly code: string
  readonly hooks: readonly string[]
  readonly scripting: ScriptingInfo
}

/** What the agent is made of, reads and schedules. */
export function AgentDetails({ agent, code, hooks, scripting }: Props) {
  const keys = envKeysIn(code)
  return (
    <dl className={classes.facts}>
      <Fact name="Hooks">{hooks.length === 0 ? 'none' : hooks.join(', ')}</Fact>
      <Fact name="Reads of env">
        {keys.length === 0
          ? 'nothing by name'
          : keys.map((key) => (
              <div key={key}>
                <Code>{key}</Code>{' '}
                {scripting.env.includes(key) ? (
                  <span className={classes.good}>set</span>
                ) : (
                  <span className={classes.warn}>not set: add it to scripting.env</span>
                )}
              </div>
            ))}
      </Fact>
      <Fact name="Keys of env">{scripting.env.length === 0 ? 'none are set' : scripting.env.join(', ')}</Fact>
      <Fact name="Language">{scripting.language === 'es5' ? 'ES5' : 'newer JavaScript and TypeScript'}</Fact>
      {agent !== undefined && <Stored agent={agent} />}
    </dl>
  )
}

function Stored({ agent }: { readonly agent: AgentView }) {
  return (
    <>
      <Fact name="Jobs">
        <Jobs agent={agent} />
      </Fact>
      <Fact name="File">
        {agent.source === undefined
          ? 'none: it is stored on the hub alone'
          : `${agent.source.path}, synced by ${agent.source.syncedBy}`}
      </Fact>
      <Fact name="Created">{formatDateTime(Date.parse(agent.createdAt))}</Fact>
      <Fact name="Last change">
        {formatDateTime(Date.parse(agent.updatedAt))} by {agent.updatedBy}
      </Fact>
      <Fact name="Identity">
        <Code>{agent.id}</Code>, index {agent.index}
      </Fact>
    </>
  )
}

function Jobs({ agent }: { readonly agent: AgentView }) {
  const { data } = useQuery({
    queryKey: ['jobs of', agent.id],
    queryFn: () => api.get<JobAnswer[]>('/jobs', { query: { agent: agent.id } }),
    refetchInterval: JOBS_MS,
  })
  const jobs = (data ?? []).flatMap((answer) => answer.jobs)
  const tags = [...new Set(jobs.map(({ tag, cron }) => `${tag} (${cron})`))]
  return (
    <>
      {tags.length === 0 ? 'none scheduled' : tags.join(', ')}{' '}
      <Anchor component={Link} to={`/jobs?agent=${agent.id}`} size="sm">
        Show jobs
      </Anchor>
    </>
  )
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  )
}

const JOBS_MS = 5000
