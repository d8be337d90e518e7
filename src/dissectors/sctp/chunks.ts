import { u16, u32 } from '../../bytes/read.ts'
import type { Summary } from '../../dissect/dissector.ts'
import type { EntryProtocol } from '../../entry/entry.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { flag, number, object, text, textList, type Value } from '../../entry/shape.ts'
import type { Packet } from '../../packet/packet.ts'
import {
  CHUNK,
  type Chunk,
  checksumOf,
  chunksOf,
  DATA_FLAG,
  DATA_HEADER,
  I_DATA_HEADER,
  verificationTag,
} from '../../packet/sctp.ts'
import { chunkName, payloadProtocolName } from './names.ts'

const protocol: Protocol = {
  name: 'sctp',
  version: '',
  abbr: 'SCTP',
  longName: 'Stream Control Transmission Protocol',
  macro: 'sctp',
  backgroundColor: '#3a6b7b',
  foregroundColor: '#ffffff',
  fontSize: 12,
  referenceLink: 'https://www.rfc-editor.org/rfc/rfc9260',
  ports: [],
  layer4: 'sctp',
  layer3: 'ip',
  priority: 10,
}

const data = object('A chunk of an SCTP packet', {
  checksum: number('CRC32c of the packet'),
  chunkType: text('DATA, INIT, INIT ACK, SACK …; a number where it is not known'),
  length: number('Bytes of the chunk, its header included'),
  chunkTypeNumber: number('Its type as a number'),
  flags: number('Its flags, as they are defined for its type'),
  malformed: flag('Its length is not that of any chunk in this packet'),
  chunks: textList('The types of the chunks of the packet: of the first 32, then …'),
  verificationTag: number('Tag that the receiver has chosen'),
  tsn: number(
    'Of DATA and I-DATA: the transmission sequence number; of SACK, the last one that it acknowledges',
  ),
  streamId: number('Of DATA and I-DATA: the stream; −1 for others'),
  streamSequence: number('Of DATA and I-DATA: number of the message within the stream; −1 for others'),
  payloadProtocol: number('Of DATA and I-DATA: what is in it, as a number; −1 for others'),
  payloadProtocolName: text('… and as a word: Diameter, S1AP, M3UA; "" where it is not known'),
})

type ChunkData = Value<typeof data>

const nothing = object('Chunks have no request and no reply', {})

/** Chunks of SCTP, one entry each. What is in them has entries of its own, where a dissector knows it. */
export const sctpChunks: EntryProtocol & { readonly data: typeof data } = {
  name: 'sctp',
  protocols: [protocol],
  request: nothing,
  response: nothing,
  data,
  summarize: (_request: never, _response: never, chunk: ChunkData): Summary => ({
    method: chunk.chunkType,
    methodQuery: `data.chunkType == ${JSON.stringify(chunk.chunkType)}`,
    summary: chunk.payloadProtocolName,
    summaryQuery:
      chunk.payloadProtocolName === ''
        ? ''
        : `data.payloadProtocolName == ${JSON.stringify(chunk.payloadProtocolName)}`,
    status: 0,
    statusQuery: '',
  }),
}

/** The chunks of a packet, as entries show them. */
export function readChunks(packet: Packet): readonly ChunkData[] {
  const found = [...chunksOf(packet)]
  const chunks = found.slice(0, MOST_NAMED).map(({ type }) => chunkName(type))
  if (found.length > MOST_NAMED) chunks.push('…')
  return found.map((chunk) => ({
    checksum: checksumOf(packet),
    chunkType: chunkName(chunk.type),
    length: chunk.end - chunk.start,
    chunkTypeNumber: chunk.type,
    flags: chunk.flags,
    malformed: chunk.isBroken,
    chunks,
    verificationTag: verificationTag(packet),
    ...ofUsers(packet.bytes, chunk),
  }))
}

/** What chunks with bytes of users say of them. RFC 9260 §3.3.1, RFC 8260 §2.1 */
function ofUsers(bytes: Uint8Array, { type, flags, start, capturedEnd, isBroken }: Chunk) {
  const nothing = {
    tsn: 0,
    streamId: -1,
    streamSequence: -1,
    payloadProtocol: -1,
    payloadProtocolName: '',
  }
  if (isBroken) return nothing
  const isSack = type === CHUNK.sack || type === CHUNK.nrSack
  if (isSack) return capturedEnd - start < 8 ? nothing : { ...nothing, tsn: u32(bytes, start + 4) }
  if (type !== CHUNK.data && type !== CHUNK.iData) return nothing
  const isData = type === CHUNK.data
  if (capturedEnd - start < (isData ? DATA_HEADER : I_DATA_HEADER)) return nothing
  // Of I-DATA only the first fragment says it.
  const isSaid = isData || (flags & DATA_FLAG.begin) !== 0
  const payloadProtocol = isSaid ? u32(bytes, start + (isData ? 12 : 16)) : -1
  return {
    tsn: u32(bytes, start + 4),
    streamId: u16(bytes, start + 8),
    streamSequence: isData ? u16(bytes, start + 10) : u32(bytes, start + 12),
    payloadProtocol,
    payloadProtocolName: payloadProtocolName(payloadProtocol),
  }
}

/** The entry of each chunk has the names of all: a packet may have thousands. */
const MOST_NAMED = 32
