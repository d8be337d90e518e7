import { useEffect, useState } from 'react'
import { useWatched } from './watched.ts'

/** The clock of the hub, ms since the epoch; told anew so often. */
export function useHubClock(everyMs: number): number {
  const skewMs = useWatched((watched) => watched.skewMs)
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now + skewMs
}
