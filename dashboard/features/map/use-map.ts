import { useState } from 'react'
import type { ApiFailure } from '../../../src/wire/api.ts'
import type { MapView } from '../../../src/wire/map.ts'
import { useSubscription } from '../../lib/page-stream.ts'

export interface WatchedMap {
  /** Undefined until it is there. */
  readonly view: MapView | undefined
  readonly failure: ApiFailure | undefined
}

/** The map of what matches, as it is now; what was there before is shown until then. */
export function useMap(filter: string, window: number, isPaused: boolean): WatchedMap {
  const key = `${window} ${filter}`
  const [seen, setSeen] = useState<WatchedMap & { readonly key: string }>({ key, ...NOTHING })
  useSubscription(
    isPaused ? undefined : key,
    { subscribe: 'map', filter, window },
    {
      onMessage: ({ map }) => {
        if (map !== undefined) setSeen({ key, view: map, failure: undefined })
      },
      onError: (failure) => setSeen({ key, view: undefined, failure }),
    },
  )
  return seen.key === key ? seen : NOTHING
}

const NOTHING: WatchedMap = { view: undefined, failure: undefined }
