import { Anchor, Button } from '@mantine/core'
import { Link } from 'react-router'
import type { AgentView } from '../../../src/wire/views.ts'
import { EmptyState } from '../../components/states.tsx'

interface Props {
  readonly agents: readonly AgentView[] | undefined
  /** Whose console it is; undefined: of all. */
  readonly agent: AgentView | undefined
  /** There are lines that are not shown. */
  readonly isFiltered: boolean
  readonly onShowAll: () => void
}

/** Why there is nothing, and what to do about it. */
export function NoLines({ agents, agent, isFiltered, onShowAll }: Props) {
  if (isFiltered)
    return (
      <EmptyState title="No line is of these nodes and levels">
        <Button size="xs" variant="default" onClick={onShowAll}>
          Show all lines
        </Button>
      </EmptyState>
    )
  if (agents?.length === 0)
    return (
      <EmptyState title="There are no agents yet">
        What agents print is shown here.{' '}
        <Anchor component={Link} to="/agents" underline="always">
          Create one
        </Anchor>
      </EmptyState>
    )
  if (agent !== undefined && !agent.active)
    return <EmptyState title={`${agent.title} is not active`}>It prints when it is activated.</EmptyState>
  return (
    <EmptyState title="Nothing printed yet">
      What agents print with <code>console.log</code> is shown here as it comes, from all nodes.
    </EmptyState>
  )
}
