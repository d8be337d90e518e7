import type { Workload } from './identity.ts'
import {
  any,
  constant,
  type Fields,
  flag,
  nullable,
  number,
  object,
  seldom,
  text,
  textList,
} from './shape.ts'

/** One end of an exchange: `data.src` and `data.dst`. Names are "" and objects null when nobody knows them. */
const endpoint = (doc: string) =>
  object(doc, {
    ip: text('Address, RFC 5952 form'),
    port: text('Port, as text; "0" where the protocol has none'),
    name: text('Resolved name; "" when unresolved'),
    namespace: text('Kubernetes namespace; "" when unresolved'),
    pod: seldom(
      any('Kubernetes Pod, null when there is none; of what is kept only names, labels and node', 'Pod'),
      null,
    ),
    endpointSlice: seldom(
      any('Kubernetes EndpointSlice, null when there is none; of what is kept only the name'),
      null,
    ),
    service: seldom(any('Kubernetes Service, null when there is none; of what is kept only the name'), null),
    workload: seldom(
      any<Workload | null>(
        'What has made the pod, null when nobody knows: Deployment, StatefulSet …',
        '{ kind: string, name: string }',
      ),
      null,
    ),
    nodeName: seldom(text('Kubernetes node; "" when unknown'), ''),
    cgroupId: seldom(text('Control group of the process'), ''),
    containerId: seldom(text('Container of the process'), ''),
    socketId: seldom(text('Socket of the process'), ''),
    processId: seldom(number('Process id in its container; 0 when unknown'), 0),
    parentProcessId: seldom(number('Its parent'), 0),
    hostProcessId: seldom(number('Process id on the host'), 0),
    hostParentProcessId: seldom(number('Its parent'), 0),
    processName: seldom(text('Name of the process; "" when unknown'), ''),
    processPath: seldom(text('Path of its program'), ''),
    cpuUsage: constant(0, 'CPU use of the process at capture time', 'number'),
    memoryUsage: constant(0, 'Memory use of the process at capture time', 'number'),
    resolutionMechanism: text(
      'How the name was found: ip-and-port, ip, dns, http-header, container-id, none',
    ),
  })

/** `data.protocol`. */
export const protocolFields = object('What a protocol is called and how it is drawn', {
  name: text('Family: http, dns'),
  version: text('Version'),
  abbr: text('Badge: HTTP, DNS'),
  longName: text('Name in full'),
  macro: text('Word for it in filters'),
  backgroundColor: text('Colours of the badge'),
  foregroundColor: text('Colours of the badge'),
  fontSize: number('Size of its text'),
  referenceLink: text('Where it is defined'),
  ports: textList('Usual ports'),
  layer4: text('What it runs on'),
  layer3: text('And below that'),
  priority: number('Order among protocols'),
})

/** The fields that entries of every protocol have, in the order of `Object.keys(data)`. */
export const commonFields = {
  id: text('Unique: <worker>/<stream>-<index>'),
  index: number('Ordinal of the entry within its stream, from 0'),
  stream: text('Base name of the capture file of the stream, such as 000000000042.pcap'),
  worker: text('ip:port of the worker that saw it'),
  node: object('Machine of the worker', { ip: text('Its address'), name: text('Its name') }),
  protocol: any('Protocol descriptor', 'Protocol'),
  tls: constant(false, 'Plaintext that was taken from an encrypted connection', 'boolean'),
  src: endpoint('Who sent the request'),
  dst: endpoint('Who answers'),
  timestamp: number('Start of the request, milliseconds since the epoch'),
  startTime: text('The same instant, RFC 3339 with nanoseconds'),
  request: any('The request; its fields depend on the protocol'),
  response: any('The reply; null while there is none'),
  requestRef: constant('', 'Internal', 'string'),
  responseRef: constant('', 'Internal', 'string'),
  eventRef: constant('', 'Internal', 'string'),
  dataRef: constant('', 'Internal', 'string'),
  requestSize: number('Bytes of the request on the wire, L4 payload'),
  responseSize: number('Bytes of the reply on the wire, L4 payload'),
  size: number('Both together'),
  elapsedTime: number('From the start of the request to the end of the reply, µs; 0 without a reply'),
  passed: constant(false, 'Set by test.pass', 'boolean'),
  failed: constant(false, 'Set by test.fail', 'boolean'),
  error: nullable(
    object('What went wrong with it; null when nothing did', {
      type: text('dissection, connection, timeout or pair-not-found'),
      msg: text('In words'),
    }),
  ),
  entryFile: text('Name of the JSON file of this entry'),
  record: constant('', 'Name of the recording it is served from', 'string'),
  event: constant(null, 'Set for items that are not traffic', 'any'),
  base: object('Row of the entry in lists', {
    method: text('Method or command'),
    methodQuery: text('Filter that selects it'),
    summary: text('Path, key, name …'),
    summaryQuery: text('Filter that selects it'),
    status: number('Status; 0 when there is none'),
    statusQuery: text('Filter that selects it'),
  }),
  capture: object('How the packets were obtained', {
    backend: text('pcap, af_packet'),
    source: text('Interface; "" when unknown'),
    proxy: constant({ name: '', pid: 0 }, 'Proxy on the way', '{ name: string, pid: number }'),
    vlan: object('VLAN', { id: number('VLAN id; 0 = untagged'), dot1q: flag('Tagged') }),
  }),
  captureSource: number('0 unspecified, 1 af_packet'),
  checksums: constant([], 'Transport checksums', 'string[]'),
  duplicate: constant('', 'Id of the entry that this one repeats', 'string'),
  data: any('Payload of items that are not request and reply'),
  matcherKey: text('What paired request and reply'),
  networkProps: constant(null, 'Round trip time and the like', 'any'),
  subProtocol: constant('', 'What the protocol carries', 'string'),
  tags: constant(null, 'Set by agents', 'any'),
} satisfies Fields

/** Getters that are not listed by `Object.keys`, for scripts written for older releases. */
export const legacyFields = {
  namespace: text('Namespace of dst, or of src when dst is unresolved'),
  outgoing: constant(false, 'Seen from the client side', 'boolean'),
} satisfies Fields
