import { Anchor } from '@mantine/core'
import type { ComponentType } from 'react'
import { useRef } from 'react'
import { Link, useParams, useSearchParams } from 'react-router'
import type { AgentView } from '../../../src/wire/views.ts'
import { EmptyState, ErrorState, LoadingState } from '../../components/states.tsx'
import { useAgents } from '../../lib/watched.ts'
import { AgentEditor } from './agent-editor.tsx'
import { freeTitle, type Text, type TrialProps } from './editing.ts'
import { useScripting, useTemplates } from './queries.ts'

interface Props {
  /** Runs the code before it is stored. */
  readonly trial?: ComponentType<TrialProps>
}

/** One agent: its code, and all that is known of it. */
export function AgentPage({ trial }: Props) {
  const { id = '' } = useParams()
  const agents = useAgents()
  const scripting = useScripting()
  const agent = useLast(agents?.find((each) => each.id === id))
  if (scripting.error !== null)
    return (
      <ErrorState
        title="The editor cannot be opened"
        error={scripting.error}
        onRetry={() => void scripting.refetch()}
      />
    )
  if (agents === undefined || scripting.data === undefined) return <LoadingState what="the agent" />
  if (agent === undefined)
    return (
      <EmptyState title="There is no such agent">
        It may have been deleted.{' '}
        <Anchor component={Link} to="/agents">
          See all agents
        </Anchor>
      </EmptyState>
    )
  const isGone = !agents.some((each) => each.id === id)
  return <AgentEditor key={id} agent={agent} isGone={isGone} scripting={scripting.data} trial={trial} />
}

/** An agent that is not stored yet: blank, or after a template. */
export function NewAgentPage({ trial }: Props) {
  const [params] = useSearchParams()
  const name = params.get('template') ?? undefined
  const templates = useTemplates(name !== undefined)
  const scripting = useScripting()
  const agents = useAgents()
  const error = scripting.error ?? templates.error
  if (error !== null) return <ErrorState title="The editor cannot be opened" error={error} />
  const isWaiting = name !== undefined && templates.data === undefined
  if (scripting.data === undefined || agents === undefined || isWaiting)
    return <LoadingState what="the editor" />
  const template = templates.data?.find((each) => each.name === name)
  const text: Text | undefined = template && {
    title: freeTitle(template.title, titlesOf(agents)),
    code: template.code,
  }
  return <AgentEditor key={`new ${name}`} template={text} scripting={scripting.data} trial={trial} />
}

function titlesOf(agents: readonly AgentView[]): string[] {
  return agents.map(({ title }) => title)
}

/** The newest that there was: an agent that somebody deletes meanwhile can still be read. */
function useLast<T>(value: T | undefined): T | undefined {
  const last = useRef(value)
  if (value !== undefined) last.current = value
  return last.current
}
