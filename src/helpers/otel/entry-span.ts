import { Mistake } from '../../mistake/mistake.ts'
import type { HelperHost } from '../helper.ts'
import { type Attributes, attributed } from './attributes.ts'
import { describeEntry, usualSide } from './conventions/index.ts'
import { type Described, SeenEntry, type View } from './conventions/seen.ts'
import {
  type Exported,
  LOCAL_PARENT,
  REMOTE_PARENT,
  SPAN_KINDS,
  type Span,
  type SpanLink,
  STATUS,
} from './messages.ts'
import { type ResourceOptions, resourceOf } from './resource.ts'
import { nanosOf, ofMs } from './times.ts'
import { contextIn, idsOf, type TraceContext } from './trace-context.ts'

export interface EntrySpanOptions extends ResourceOptions {
  readonly name?: string | undefined
  readonly side?: View['side'] | undefined
  readonly query?: View['query'] | undefined
  readonly attributes?: Attributes | undefined
}

/**
 * The span of a call as it was seen on the wire. It continues the trace that its headers carry, as a child of the span that
 * sent them; without any it begins one. Its ids follow from the entry: the same each time, and others for each side.
 */
export function entrySpan(
  helper: string,
  data: unknown,
  options: EntrySpanOptions,
  host: HelperHost,
): { readonly exported: Exported<Span>; readonly context: TraceContext | undefined } {
  const entry = new SeenEntry(data)
  const id = entry.text('id')
  if (id === undefined || entry.text('protocol.name') === undefined)
    throw new Mistake('E_HELPER_ARGUMENT', `${helper}: data: expected an entry, as onItemCaptured gets it`)
  const view = { side: options.side ?? usualSide(entry), query: options.query ?? 'sanitized' }
  const described = describeEntry(entry, view)
  const { parent, links, dropped } = contextsOf(described)
  const { start, end } = intervalOf(helper, entry)
  const made = idsOf('entry', id, String(start), described.kind)
  const owner = OWNERS[described.kind]
  const status = statusOf(entry, described)
  return {
    context: parent,
    exported: {
      resource: resourceOf(options, host, ownerAttributes(entry, owner)),
      item: {
        traceId: parent?.traceId ?? made.traceId,
        spanId: made.spanId,
        ...(parent?.traceState === undefined ? {} : { traceState: parent.traceState }),
        ...(parent === undefined ? {} : { parentSpanId: parent.spanId }),
        flags: parent === undefined ? LOCAL_PARENT | 1 : REMOTE_PARENT | (parent.isSampled ? 1 : 0),
        name: (options.name ?? nameOf(described, options.attributes)).slice(0, LONGEST_NAME).toWellFormed(),
        kind: SPAN_KINDS[described.kind],
        startTimeUnixNano: start,
        endTimeUnixNano: end,
        ...attributed({
          ...described.attributes,
          ...connectionAttributes(entry, owner),
          ...peerAttributes(entry, owner),
          'error.type': status.type,
          'remora.entry.id': id,
          ...options.attributes,
        }),
        ...(links.length === 0 ? {} : { links }),
        ...(dropped === 0 ? {} : { droppedLinksCount: dropped }),
        ...(status.type === undefined
          ? {}
          : {
              status: {
                code: STATUS.error,
                ...(status.message === undefined
                  ? {}
                  : { message: status.message.slice(0, LONGEST_MESSAGE).toWellFormed() }),
              },
            }),
      },
    },
  }
}

const LONGEST_NAME = 255
const LONGEST_MESSAGE = 1024

/** Who knows the route of a request makes a better name of it: `GET /items/{id}`. */
function nameOf({ name, attributes }: Described, given: Attributes = {}): string {
  const route = given['http.route']
  const method = attributes['http.request.method']
  return typeof route === 'string' && name === method ? `${method} ${route}` : name
}

/** Which end of the connection a span belongs to. */
const OWNERS = {
  internal: 'dst',
  server: 'dst',
  client: 'src',
  producer: 'src',
  consumer: 'src',
} as const satisfies Record<Described['kind'], End>
type End = 'src' | 'dst'

/** One trace is continued; where messages of several came together, the span is linked to each, and begins its own. */
function contextsOf({ carriers = [] }: Described): {
  parent: TraceContext | undefined
  links: SpanLink[]
  dropped: number
} {
  const found = new Map<string, TraceContext>()
  for (const carrier of carriers) {
    const context = contextIn(carrier)
    if (context !== undefined) found.set(`${context.traceId} ${context.spanId}`, context)
  }
  const contexts = [...found.values()]
  if (contexts.length < 2) return { parent: contexts[0], links: [], dropped: 0 }
  const links = contexts.slice(0, MOST_LINKS).map(({ traceId, spanId, traceState, isSampled }) => ({
    ...{ traceId, spanId, attributes: [] },
    ...(traceState === undefined ? {} : { traceState }),
    flags: REMOTE_PARENT | (isSampled ? 1 : 0),
  }))
  return { parent: undefined, links, dropped: contexts.length - links.length }
}

const MOST_LINKS = 128

/** From the first byte of the request to the reply, by the clock of the capture. */
function intervalOf(helper: string, entry: SeenEntry): { start: bigint; end: bigint } {
  const given = entry.text('startTime') ?? entry.number('timestamp')
  if (given === undefined)
    throw new Mistake('E_HELPER_ARGUMENT', `${helper}: data.startTime: expected a time, found none`)
  const start = nanosOf(helper, 'data.startTime', given)
  const elapsedUs = entry.number('elapsedTime') ?? 0
  return { start, end: start + (elapsedUs > 0 ? (ofMs(elapsedUs / 1000) ?? 0n) : 0n) }
}

/** What the connection itself says goes after what the protocol does: a request that was never answered has failed. */
function statusOf(
  entry: SeenEntry,
  { error }: Described,
): { type?: string | undefined; message?: string | undefined } {
  if (error !== undefined) return error
  if (!entry.has('error')) return {}
  return { type: entry.text('error.type') ?? '_OTHER', message: entry.text('error.msg') }
}

function ownerAttributes(entry: SeenEntry, owner: End): Attributes {
  const namespace = entry.text(`${owner}.pod.metadata.namespace`) ?? entry.text(`${owner}.namespace`)
  // Who was seen need not be on the node that has seen it.
  const node = entry.text(`${owner}.pod.spec.nodeName`) ?? entry.text('node.name')
  return {
    'service.name': serviceOf(entry, owner) ?? entry.text(`${owner}.ip`) ?? 'unknown_service',
    'service.namespace': namespace,
    'k8s.namespace.name': namespace,
    'k8s.pod.name': entry.text(`${owner}.pod.metadata.name`),
    'k8s.pod.uid': entry.text(`${owner}.pod.metadata.uid`),
    'k8s.node.name': node,
    'host.name': node,
  }
}

/** The service that was called, else what Kubernetes says a pod is of, else the name that was found. */
function serviceOf(entry: SeenEntry, end: End): string | undefined {
  return entry.text(`${end}.service.metadata.name`) ?? labelOf(entry, end) ?? entry.text(`${end}.name`)
}

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/ */
function labelOf(entry: SeenEntry, end: End): string | undefined {
  const labels = entry.object(`${end}.pod.metadata.labels`)
  const label = labels['app.kubernetes.io/name'] ?? labels.app
  return typeof label === 'string' && label !== '' ? label : undefined
}

function connectionAttributes(entry: SeenEntry, owner: End): Attributes {
  const peer = owner === 'src' ? 'dst' : 'src'
  const transport = entry.text('protocol.layer4')
  const protocol = entry.text('protocol.name')
  const address = entry.text(`${peer}.ip`)
  return {
    ...(protocol === 'http' ? {} : { 'network.protocol.name': protocol }),
    'network.transport': transport,
    'network.type': address === undefined ? undefined : address.includes(':') ? 'ipv6' : 'ipv4',
    'network.peer.address': address,
    'network.peer.port': entry.number(`${peer}.port`) || undefined,
  }
}

/** Who was at the other end, as far as it is known. */
function peerAttributes(entry: SeenEntry, owner: End): Attributes {
  const peer = owner === 'src' ? 'dst' : 'src'
  const what = peer === 'dst' ? 'server' : 'client'
  const service = serviceOf(entry, peer)
  const namespace = entry.text(`${peer}.pod.metadata.namespace`) ?? entry.text(`${peer}.namespace`)
  return {
    [`${what}.service.name`]: service,
    [`${what}.service.namespace`]: service === undefined ? undefined : namespace,
    // Until 1.44, by which receivers draw their maps.
    'peer.service': peer === 'dst' ? service : undefined,
    'remora.peer.k8s.pod.name': entry.text(`${peer}.pod.metadata.name`),
    'remora.peer.k8s.namespace.name': namespace,
  }
}
