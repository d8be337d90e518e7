import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { apiFailure } from '../../wire/api.ts'
import type { OpenPackets } from '../../wire/packets.ts'
import type { HubControl } from '../control.ts'
import { packetFile } from '../packet-files.ts'
import { streamOfEntry } from './entry-streams.ts'

/** Schema of answers that are capture files. */
export const captureFile = {
  200: {
    description: 'A capture file',
    content: {
      'application/vnd.tcpdump.pcap': { schema: z.string().meta({ format: 'binary' }) },
      'application/x-pcapng': { schema: z.string().meta({ format: 'binary' }) },
    },
  },
  default: apiFailure,
}

/** Packets of the connection of an entry (JSON text). Rejects with `E_NOT_FOUND` and why when there are none. */
export async function packetsOfEntry(
  control: Pick<HubControl, 'packets'>,
  text: string,
  { source, signal }: { readonly source?: string | undefined; readonly signal: AbortSignal },
): Promise<OpenPackets> {
  const [open] = await control.packets([streamOfEntry(text)], source, signal)
  if (open === undefined || open.packets === 0) throw packetsGone(open === undefined ? [] : [open])
  return open
}

export function packetsGone(places: readonly OpenPackets[]): Mistake {
  const sum = (why: keyof OpenPackets['lost']) => places.reduce((all, { lost }) => all + lost[why], 0)
  if (sum('evicted') > 0)
    return new Mistake('E_NOT_FOUND', 'the packets are gone: newer ones have taken their room', {
      hint: 'tap.capture.raw.storageSize says how much room there is.',
    })
  if (sum('otherRun') > 0)
    return new Mistake('E_NOT_FOUND', 'the packets are gone: the worker was started anew since', {
      hint: 'A worker keeps packets for as long as it runs.',
    })
  return new Mistake('E_NOT_FOUND', 'no packets of it were kept', {
    hint: 'The log of the worker says so when its disk does not take packets.',
  })
}

interface FileSettings {
  readonly name: string
  readonly streams: number
  /** What was left out before any packet was looked at. */
  readonly cut: string | undefined
}

export function replyWithPackets(
  reply: FastifyReply,
  places: readonly OpenPackets[],
  { name, streams, cut }: FileSettings,
): FastifyReply {
  const file = packetFile(places, MOST_FILE_BYTES)
  const lost = places.reduce(
    (sum, { lost: { evicted, otherRun, never } }) => sum + evicted + otherRun + never,
    0,
  )
  const reason = cut ?? (file.isCut ? 'bytes' : undefined)
  return reply
    .type(file.extension === 'pcap' ? 'application/vnd.tcpdump.pcap' : 'application/x-pcapng')
    .header('content-disposition', attachment(name.replace(/\.pcap/, ''), file.extension))
    .header('x-remora-packets', file.packets)
    .header('x-remora-streams', streams)
    .header('x-remora-lost', lost)
    .headers(reason === undefined ? {} : { 'x-remora-cut': reason })
    .send(Readable.from(file.bytes()))
}

/** Names come from addresses that people write. */
export function attachment(name: string, extension: string): string {
  return `attachment; filename="${name.replace(/[^\w.-]+/g, '_').slice(0, LONGEST_NAME)}.${extension}"`
}

const MOST_FILE_BYTES = 256 << 20
const LONGEST_NAME = 100
