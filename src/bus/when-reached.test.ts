import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Mistake } from '../mistake/mistake.ts'
import { refused } from '../testing/describe-bus.ts'
import { whenReached } from './when-reached.ts'

it('what needs the others is done as soon as they can be reached, and fails of everything else', async () => {
  const listeners = new Set<(connected: boolean) => void>()
  const bus = {
    onConnection(listener: (connected: boolean) => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  let attempts = 0
  const work = async () => {
    if (++attempts < 4) throw new Mistake('E_BUS', 'out')
    return attempts
  }
  const signal = new AbortController().signal
  const tell = () => {
    for (const listener of listeners) listener(true)
  }
  const done = whenReached(bus, work, signal, () => setImmediate(tell))
  assert.equal(await done, 4)
  await refused('E_CONFLICT', () =>
    whenReached(
      bus,
      async () => {
        throw new Mistake('E_CONFLICT', 'changed')
      },
      signal,
    ),
  )
  const end = new AbortController()
  const never = whenReached(
    bus,
    async () => {
      throw new Mistake('E_BUS', 'out')
    },
    end.signal,
  )
  end.abort(new Error('enough'))
  await assert.rejects(never, /enough/)
  assert.equal(await whenReached(bus, async () => 1, end.signal), 1, 'once, also at the end')
  assert.equal(listeners.size, 0)
})
