import { Anchor } from '@mantine/core'
import { Link } from 'react-router'
import { useWatched } from '../lib/watched.ts'

interface Props {
  /** Its identity, or what stands for it when it is not stored. */
  readonly id: string
  /** What it was called then. */
  readonly title: string
}

/** The way to an agent, while it is stored. */
export function AgentLink({ id, title }: Props) {
  const isStored = useWatched(({ agents }) => agents?.some((agent) => agent.id === id) === true)
  if (!isStored) return <span>{title}</span>
  return (
    <Anchor component={Link} to={`/agents/${encodeURIComponent(id)}`} inherit c="inherit">
      {title}
    </Anchor>
  )
}
