import { useRouteError } from 'react-router'
import { ErrorState } from '../components/states.tsx'

/** A screen that cannot be shown: the others can. */
export function ScreenFailure() {
  const error = useRouteError()
  return <ErrorState title="This screen cannot be shown" error={error} onRetry={() => location.reload()} />
}
