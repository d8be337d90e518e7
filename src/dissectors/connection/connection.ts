import type { Summary } from '../../dissect/dissector.ts'
import type { EntryProtocol } from '../../entry/entry.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { any, number, object, text, textList, type Value } from '../../entry/shape.ts'

const data = object('A conversation in which no protocol was recognised', {
  state: text('How it ended: closed, reset, refused, half-open, idle, evicted, capture-end'),
  localPkts: number('Packets of the end that opened it'),
  remotePkts: number('Packets of the other end'),
  localBytes: number('Payload bytes of the end that opened it'),
  remoteBytes: number('Payload bytes of the other end'),
  localPps: number('Packets a second of the end that opened it, over its duration'),
  remotePps: number('Packets a second of the other end'),
  localBps: number('Payload bytes a second of the end that opened it'),
  remoteBps: number('Payload bytes a second of the other end'),
  durationMs: number('From the first packet to the last'),
  l7Detected: textList('Protocols recognised in it'),
  groupId: text('Stream name: the same for all items of the conversation'),
  tcpMetrics: any('Not measured yet', 'null'),
})

export type ConnectionData = Value<typeof data>

const nothing = object('Connections have no request and no reply', {})

function connectionProtocol(
  layer4: 'tcp' | 'udp',
  backgroundColor: string,
): EntryProtocol & { readonly data: typeof data } {
  const abbr = layer4.toUpperCase()
  const protocol: Protocol = {
    name: layer4,
    version: '',
    abbr,
    longName: layer4 === 'tcp' ? 'Transmission Control Protocol' : 'User Datagram Protocol',
    macro: layer4,
    backgroundColor,
    foregroundColor: '#ffffff',
    fontSize: 12,
    referenceLink: `https://www.rfc-editor.org/rfc/${layer4 === 'tcp' ? 'rfc9293' : 'rfc768'}`,
    ports: [],
    layer4,
    layer3: 'ip',
    priority: 10,
  }
  return {
    name: `${layer4}-conn`,
    protocols: [protocol],
    request: nothing,
    response: nothing,
    data,
    summarize: (_request: never, _response: never, { state }: ConnectionData): Summary => ({
      method: '',
      methodQuery: '',
      summary: state,
      summaryQuery: `data.state == "${state}"`,
      status: 0,
      statusQuery: '',
    }),
  }
}

/** TCP connections and UDP conversations that no dissector knows, one entry each when they end. */
export const tcpConnection = connectionProtocol('tcp', '#7b4b2a')
export const udpConnection = connectionProtocol('udp', '#4a6b5d')
