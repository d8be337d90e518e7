import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { EmptyState } from '../../components/states.tsx'
import type { EffectsPlace } from './effects-place.ts'

interface Props {
  /** Why there is nothing at all. */
  readonly title: string
  readonly children: ReactNode
  readonly place: EffectsPlace
  readonly onPlace: (change: Partial<EffectsPlace>) => void
}

/** There is nothing, or nothing of what is looked at. */
export function Nothing({ title, children, place, onPlace }: Props) {
  const { agent, helper, outcome, entry, view } = place
  const isLimited = agent + helper !== '' || (view === 'log' && outcome + entry !== '')
  if (!isLimited) return <EmptyState title={title}>{children}</EmptyState>
  return (
    <EmptyState title="Nothing is like that">
      <Button
        size="xs"
        variant="default"
        onClick={() => onPlace({ agent: '', helper: '', outcome: '', entry: '' })}
      >
        Show all
      </Button>
    </EmptyState>
  )
}
