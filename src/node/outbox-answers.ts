import type { QueuedCalls } from '../agent/queued-calls.ts'
import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { decode, encode } from '../wire/codec.ts'
import { agentsLeft, type OutboxAnswer, type OutboxOrder, outboxOrder } from '../wire/outbox.ts'
import { SUBJECTS } from '../wire/subjects.ts'

export interface OutboxAnswersOptions {
  readonly bus: Bus
  readonly node: string
  readonly component: 'worker' | 'hub'
  readonly boot: string
  readonly queued: Pick<QueuedCalls, 'outbox'> | undefined
}

/** Answers hubs about the queued calls of this program, and hears of deleted agents, until what it answers is called. */
export function answerAboutOutbox({ bus, node, component, boot, queued }: OutboxAnswersOptions): () => void {
  const deafen = bus.subscribe(SUBJECTS.agentsLeft, (payload) => {
    const left = decode(agentsLeft, payload)
    if (left !== undefined) queued?.outbox?.prune(new Set(left.ids))
  })
  const silence = bus.respond(SUBJECTS.outbox(boot), async (payload) => {
    const order = decode(outboxOrder, payload)
    if (order === undefined) throw new Mistake('E_REQUEST', 'this is no order about queued calls')
    return encode({ node, component, ...(await carriedOut(order, queued?.outbox)) } satisfies OutboxAnswer)
  })
  return () => {
    deafen()
    silence()
  }
}

async function carriedOut(
  { order, selector }: OutboxOrder,
  outbox: QueuedCalls['outbox'],
): Promise<Omit<OutboxAnswer, 'node' | 'component'>> {
  const nothing = { lanes: [], dead: [], count: 0 }
  if (outbox === undefined) return nothing
  switch (order) {
    case 'list':
      return { ...nothing, lanes: outbox.lanes(MOST) }
    case 'dead':
      return { ...nothing, dead: outbox.dead(MOST).map(shortened) }
    case 'retry':
      return { ...nothing, count: await outbox.retry(selector) }
    case 'drop-dead':
      return { ...nothing, count: await outbox.drop('dead', selector) }
    case 'drop-waiting':
      return { ...nothing, count: await outbox.drop('waiting', selector) }
  }
}

/** A message on the bus has its limit. */
function shortened<Call extends { readonly args: string; readonly reason: string }>(call: Call): Call {
  const { args, reason } = call
  return { ...call, args: args.slice(0, LONGEST), reason: reason.slice(0, LONGEST) }
}

const MOST = 1000
const LONGEST = 300
