import fc from 'fast-check'
import type { Side } from '../dissect/dissector.ts'
import type { Chunk } from './follow.ts'

/** Cuts of what was said, damage to it, noise, holes and ends, from either side: up to 20 of them. */
export function mixtures(client: Uint8Array, server: Uint8Array): fc.Arbitrary<Chunk[]> {
  const said = fc.constantFrom(client, server)
  const piece = fc.oneof(
    fc.tuple(said, fc.nat(400), fc.nat(400)).map(([bytes, a, b]) => bytes.subarray(a, a + b)),
    fc.tuple(said, fc.nat(800), fc.nat(255)).map(([bytes, at, value]) => {
      const damaged = Buffer.from(bytes)
      damaged[at % damaged.length] = value
      return damaged
    }),
    fc.uint8Array({ maxLength: 60 }),
    fc.integer({ min: 1, max: 400 }),
    fc.constant(null),
  )
  return fc.array(fc.tuple(fc.constantFrom<Side[]>('client', 'server'), piece), { maxLength: 20 })
}
