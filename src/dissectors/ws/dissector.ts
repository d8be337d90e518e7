import { defineDissector, type Summary } from '../../dissect/dissector.ts'
import { LONGEST_SUMMARY, textQuery } from '../../dissect/text-query.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { flag, number, object, ofBody, text } from '../../entry/shape.ts'
import { handshakeOf } from './handshake.ts'
import { OPCODE } from './header.ts'
import type { Frame } from './messages.ts'
import { FrameParser } from './parsers.ts'
import { beginsFrames, probe } from './probe.ts'

const protocol: Protocol = {
  name: 'ws',
  version: '13',
  abbr: 'WS',
  longName: 'WebSocket',
  macro: 'ws',
  backgroundColor: '#b5179e',
  foregroundColor: '#ffffff',
  fontSize: 12,
  referenceLink: 'https://www.rfc-editor.org/rfc/rfc6455',
  ports: ['80', '443', '8080'],
  layer4: 'tcp',
  layer3: 'ip',
  priority: 0,
}

const frame = (doc: string) =>
  object(doc, {
    opcode: text('text, binary, continuation, close, ping or pong'),
    opcodeNumber: number('The same as a number: 1, 2, 0, 8, 9, 10'),
    fin: flag('The last frame of its message'),
    masked: flag('The payload was masked, as it must be from the client'),
    payloadLength: number('Bytes of the payload on the wire: compressed ones, if compressed'),
    payloadData: ofBody(
      text(
        'What the message carries, decompressed: text as it is, all else as base64. Of a message in several frames the last one has all of it, and the others ""; of a close frame it is the reason',
      ),
    ),
    encoding: ofBody(text('base64 when payloadData is; "" when it is plain text')),
    truncated: ofBody(
      flag(
        'payloadData is not all of the message: it was cut off, too long, not kept, or cannot be decompressed',
      ),
    ),
    incomplete: flag('Some of the frame was not captured, or it was cut off'),
    messageType: text(
      'text or binary: what kind of message a frame belongs to; "" where that is not known, and of control frames',
    ),
    messageSize: ofBody(
      number('Bytes of all that the message carries, as far as that is known; with its last frame, else 0'),
    ),
    fragments: number('Which frame of its message this is, from 1 on'),
    compressed: flag('The message is compressed (permessage-deflate)'),
    closeCode: number('Status code of a close frame, 1005 when it has none; else 0'),
    closeReason: text('Reason that a close frame gives'),
    path: text('Path that the client asked for when it opened the connection; "" when that was not seen'),
    subprotocol: text('Subprotocol that was agreed on, such as graphql-transport-ws'),
  })

/** WebSocket: RFC 6455, and permessage-deflate, RFC 7692. Each frame is an entry. */
export const ws = defineDissector({
  name: 'ws',
  transport: 'tcp',
  ports: [],
  pairing: 'none',
  protocols: [protocol],
  request: frame('A frame from the client'),
  response: frame('A frame from the server'),
  probe,
  resumes: beginsFrames,
  open(context, { handover }) {
    const handshake = handshakeOf(handover)
    const isKnown = handshake.extensions !== undefined
    return {
      client: new FrameParser('client', handshake, context, isKnown),
      server: new FrameParser('server', handshake, context, isKnown),
    }
  },
  summarize: (request, response) =>
    response === null ? summary('request', request as Row) : summary('response', response),
})

type Row = Pick<
  Frame,
  'opcode' | 'opcodeNumber' | 'messageType' | 'payloadData' | 'encoding' | 'payloadLength' | 'closeCode'
>

function summary(side: string, frame: Row): Summary {
  const { closeCode } = frame
  return {
    method: frame.opcode,
    methodQuery: `${side}.opcode == "${frame.opcode}"`,
    ...content(side, frame),
    status: closeCode,
    statusQuery: closeCode === 0 ? '' : `${side}.closeCode == ${closeCode}`,
  }
}

/** The beginning of a text, the size of anything else; of a close frame the name of its code where it gives no reason. */
function content(side: string, frame: Row): Pick<Summary, 'summary' | 'summaryQuery'> {
  const { payloadData, payloadLength, closeCode } = frame
  if (frame.opcodeNumber === OPCODE.close && payloadData === '')
    return { summary: CLOSE_CODES[closeCode] ?? '', summaryQuery: `${side}.closeCode == ${closeCode}` }
  if (frame.encoding !== '' || frame.messageType === 'binary')
    return { summary: `${payloadLength} bytes`, summaryQuery: `${side}.payloadLength == ${payloadLength}` }
  return {
    summary: payloadData.slice(0, LONGEST_SUMMARY),
    summaryQuery: textQuery(`${side}.payloadData`, payloadData),
  }
}

/** https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number */
const CLOSE_CODES: Readonly<Record<number, string>> = {
  1000: 'Normal Closure',
  1001: 'Going Away',
  1002: 'Protocol error',
  1003: 'Unsupported Data',
  1005: 'No Status Rcvd',
  1007: 'Invalid frame payload data',
  1008: 'Policy Violation',
  1009: 'Message Too Big',
  1010: 'Mandatory Ext.',
  1011: 'Internal Error',
  1012: 'Service Restart',
  1013: 'Try Again Later',
  1014: 'Bad Gateway',
}
