import { useState } from 'react'
import { Foot } from '../../components/listing/foot.tsx'
import { ErrorState, LoadingState } from '../../components/states.tsx'
import { EffectLog } from './effect-log.tsx'
import type { EffectsPlace } from './effects-place.ts'
import { EffectsTools } from './effects-tools.tsx'
import { Nothing } from './nothing.tsx'
import { counted } from './outbox-rows.ts'
import { useEffects } from './use-effects.ts'

interface Props {
  readonly place: EffectsPlace
  readonly onPlace: (change: Partial<EffectsPlace>) => void
}

/** What agents have done and were not allowed to do, as it comes: held while somebody looks at one, or further down. */
export function LogView({ place, onPlace }: Props) {
  const [opened, setOpened] = useState('')
  const [away, setAway] = useState<string>()
  // Other effects are looked at from the top.
  const filter = JSON.stringify(place)
  const isHeld = opened !== '' || away === filter
  const { data, error, isPending, refetch } = useEffects(place, isHeld)
  const effects = data?.effects ?? []
  const missing = data?.missing ?? []
  const look = (change: Partial<EffectsPlace>) => {
    setOpened('')
    setAway(undefined)
    onPlace(change)
  }
  return (
    <>
      <EffectsTools place={place} onPlace={look} callers={effects} />
      {error !== null ? (
        <ErrorState title="The effects cannot be shown" error={error} onRetry={() => void refetch()} />
      ) : isPending ? (
        <LoadingState what="the effects" />
      ) : effects.length === 0 ? (
        <Nothing title="No agent has done anything outside of its sandbox yet" place={place} onPlace={look}>
          Requests, messages, files and whatever else helpers send or write are shown here, and what was
          refused.
        </Nothing>
      ) : (
        <EffectLog
          key={filter}
          effects={effects}
          opened={opened}
          onOpen={setOpened}
          onAway={(isAway) => setAway(isAway ? filter : undefined)}
        />
      )}
      <Foot>
        {counted(effects.length, 'effect')}
        {missing.length > 0 && `; no answer from ${missing.join(', ')}`}.{' '}
        {isHeld
          ? 'Held while you look: close the details and go to the top to see what comes.'
          : 'New ones come at the top.'}
      </Foot>
    </>
  )
}
