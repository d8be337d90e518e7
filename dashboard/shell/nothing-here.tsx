import { Anchor } from '@mantine/core'
import { Link } from 'react-router'
import { EmptyState } from '../components/states.tsx'

export function NothingHere() {
  return (
    <EmptyState title="There is no such screen">
      <Anchor component={Link} to="/traffic">
        Go to the traffic
      </Anchor>
    </EmptyState>
  )
}
