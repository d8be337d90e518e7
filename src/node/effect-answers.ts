import type { EffectLog } from '../agent/effect-log.ts'
import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { decode, encode } from '../wire/codec.ts'
import { type EffectRecord, effectsQuery } from '../wire/effects.ts'
import { SUBJECTS } from '../wire/subjects.ts'

/** Answers hubs that want to know what agents have done on this node: a worker's name, or the run of a hub. Answers how to stop. */
export function answerEffects(bus: Bus, node: string, log: EffectLog): () => void {
  return bus.respond(SUBJECTS.effects(node), async (payload) => {
    const query = decode(effectsQuery, payload)
    if (query === undefined) throw new Mistake('E_REQUEST', 'this asks for no effects')
    return encode(fitting(await log.read(query), bus.mostBytes - ROOM))
  })
}

/** The newest ones, as many as go into one message. */
function fitting(records: readonly EffectRecord[], mostBytes: number): EffectRecord[] {
  let bytes = 0
  return records.filter((record) => {
    bytes += Buffer.byteLength(JSON.stringify(record)) + 1
    return bytes <= mostBytes
  })
}

const ROOM = 64 << 10
