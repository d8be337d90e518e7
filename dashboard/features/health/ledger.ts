import type { NodeView } from '../../../src/wire/views.ts'

/** One sum that has to add up: what came in is what became of it. */
export interface Book {
  readonly name: string
  readonly unit: 'count' | 'bytes'
  readonly total: number
  readonly parts: readonly Part[]
  /** What the parts are short of the total; 0 or there is a fault of ours. */
  readonly difference: number
}

export interface Part {
  readonly name: string
  readonly value: number
}

/** The books of a worker. Those of which it says nothing are not there. */
export function booksOf({ counters, agents }: Pick<NodeView, 'counters' | 'agents'>): readonly Book[] {
  const named = (prefix: string) =>
    Object.entries(counters)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => ({ name: inWords(name.slice(prefix.length)), value }))
  const at = (name: string) => counters[name] ?? 0
  const books: Book[] = []
  if ('packets.decoded' in counters)
    books.push(
      book('Packets', 'count', at('packets'), [
        { name: 'decoded', value: at('packets.decoded') },
        ...named('dropped.packets.'),
      ]),
    )
  if ('streams.bytes' in counters)
    books.push(
      book('Bytes of streams', 'bytes', at('streams.bytes'), [
        ...named('streams.bytes.'),
        ...named('dropped.stream-bytes.'),
      ]),
    )
  if ('entries.stored' in counters)
    books.push(
      book('Entries for the store', 'count', at('entries.found') + at('items'), [
        { name: 'kept', value: at('entries.stored') },
        { name: 'on their way', value: at('queue.entries') },
        ...named('dropped.store.'),
      ]),
    )
  if ('spool.received' in counters)
    books.push(
      book('Packets kept for agents', 'count', at('spool.received'), [
        { name: 'kept', value: at('spool.kept') },
        ...named('dropped.spool.'),
      ]),
    )
  if (agents.length > 0) books.push(eventsBook(agents))
  return books
}

function eventsBook(agents: NodeView['agents']): Book {
  const reasons = new Map<string, number>()
  for (const { dropped } of agents)
    for (const [reason, count] of Object.entries(dropped))
      reasons.set(reason, (reasons.get(reason) ?? 0) + count)
  const sum = (of: (agent: NodeView['agents'][number]) => number) =>
    agents.reduce((all, agent) => all + of(agent), 0)
  const parts = [
    { name: 'delivered', value: sum(({ delivered }) => delivered) },
    ...Array.from(reasons, ([reason, value]) => ({ name: inWords(reason), value })),
  ]
  const received = sum((agent) => agent.received)
  const accounted = parts.reduce((all, { value }) => all + value, 0)
  // Agents work while the node speaks: what was sent to them and not worked off is on its way.
  const underway = Math.max(0, received - accounted)
  return book('Events of agents', 'count', received, [
    ...parts,
    { name: 'being worked off', value: underway },
  ])
}

function book(name: string, unit: Book['unit'], total: number, parts: readonly Part[]): Book {
  const sum = parts.reduce((all, { value }) => all + value, 0)
  const shown = parts.filter(({ value }, index) => index === 0 || value > 0)
  return { name, unit, total, parts: shown, difference: total - sum }
}

function inWords(reason: string): string {
  return reason.replaceAll('-', ' ')
}
