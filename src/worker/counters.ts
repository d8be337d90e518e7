import { COUNTER_NAMES, COUNTERS } from '../metrics/counters.ts'
import type { CaptureDone } from './capture-messages.ts'

/** What a capture has counted, now or at its end, under the names of a node's status. */
export function captureCounters({
  counters,
  losses,
  dropped,
  spool,
  names,
}: Pick<CaptureDone, 'counters' | 'losses' | 'dropped' | 'spool'> &
  Partial<Pick<CaptureDone, 'names'>>): Record<string, number> {
  const { traffic, decode, reassembly, dissection, entries } = counters
  return {
    [COUNTERS.packets]: counters.packets,
    [COUNTERS.packetsLost]: total(losses),
    [COUNTERS.packetsTcp]: traffic.tcp,
    [COUNTERS.packetsDns]: traffic.dns,
    [COUNTERS.packetsIcmp]: traffic.icmp,
    [COUNTERS.bytes]: counters.bytes,
    [COUNTERS.eventsDropped]: dropped.items + dropped.packets,
    [COUNTERS.payloadsTcp]: traffic.tcpPayloads,
    [COUNTERS.pairs]: traffic.pairs,
    [COUNTERS.streamsDropped]: reassembly.evictions,
    [COUNTERS.streamsLive]: counters.liveTcp,
    [COUNTERS.items]: total(entries),
    ...booksOf(counters),
    ...named(entries, (abbreviation) => COUNTER_NAMES.protocol(abbreviation)),
    ...(names === undefined ? {} : nameCounters(names)),
    ...named(losses, (who) => COUNTER_NAMES.dropped('capture', who)),
    ...named(decode.malformed, (reason) => COUNTER_NAMES.dropped('packets', `malformed: ${reason}`)),
    ...named(decode.ignored, (reason) => COUNTER_NAMES.dropped('packets', `ignored: ${reason}`)),
    ...named(dissection.skipped, (reason) => COUNTER_NAMES.dropped('stream-bytes', reason)),
    ...(spool === undefined
      ? {}
      : {
          'spool.received': spool.received,
          'spool.kept': spool.kept,
          ...named({ evicted: spool.evicted, failed: spool.failed }, (why) =>
            COUNTER_NAMES.dropped('spool', why),
          ),
        }),
  }
}

/** Nothing where no cluster is known. */
function nameCounters({ known, forgotten, ...held }: CaptureDone['names']): Record<string, number> {
  if (known === 0 && held.waited === 0) return {}
  return {
    'names.known': known,
    'names.waited': held.waited,
    'names.in-vain': held.inVain,
    'names.of-other-node': held.ofOtherNode,
    [COUNTER_NAMES.queue('names')]: held.waiting,
    [COUNTER_NAMES.dropped('names', 'could-not-wait')]: held.hurried,
    [COUNTER_NAMES.dropped('names', 'forgotten')]: forgotten,
  }
}

/**
 * What has to add up with what was dropped: `packets` = `packets.decoded` + all of `dropped.packets`, and `streams.bytes` =
 * `streams.bytes.dissected` + all of `dropped.stream-bytes` + the other `streams.bytes` of captured payload.
 */
function booksOf({
  decode,
  reassembly,
  dissection,
  ...counters
}: CaptureDone['counters']): Record<string, number> {
  const notRead = {
    retransmitted: reassembly.retransmittedBytes,
    'out-of-window': reassembly.outOfWindowBytes,
    'after-end': reassembly.afterEndBytes,
    'chunk-headers': reassembly.chunkBytes,
    fragments: reassembly.fragmentBytes,
    'other-protocols': reassembly.otherProtocolBytes,
    unread: counters.unreadBytes,
  }
  return {
    'packets.decoded': decode.decoded,
    'bytes.captured': counters.capturedBytes,
    ...named(counters.ignoredBytes, (reason) => `bytes.ignored.${reason}`),
    'items.copies': counters.copiedEntries,
    ...named(counters.connections, (transport) => `connections.${transport}`),
    'streams.holes': reassembly.holes,
    'streams.lost_bytes': reassembly.lostBytes,
    'streams.begun-before': reassembly.begunBefore,
    'streams.one-sided': reassembly.oneSided,
    'streams.bytes': reassembly.deliveredBytes + total(notRead),
    'streams.bytes.dissected': dissection.dissected,
    ...named(notRead, (why) => `streams.bytes.${why}`),
  }
}

function named(
  numbers: Readonly<Record<string, number | undefined>>,
  name: (key: string) => string,
): Record<string, number> {
  return Object.fromEntries(Object.entries(numbers).map(([key, number = 0]) => [name(key), number]))
}

function total(numbers: Readonly<Record<string, number | undefined>>): number {
  return Object.values(numbers).reduce<number>((sum, number = 0) => sum + number, 0)
}
