import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Bytes of memory, on the heap and of arrays outside it, that `work` leaves in use. */
export function bytesLeftBy(work: () => void): number {
  const before = bytesInUse()
  work()
  return bytesInUse() - before
}

/** Bytes in use after what nobody needs is gone. */
export function bytesInUse(): number {
  // What arrays had is given back a little later, or by the next time.
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
