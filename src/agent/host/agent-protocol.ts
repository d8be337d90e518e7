import type { Summary } from '../../dissect/dissector.ts'
import type { EntryProtocol } from '../../entry/entry.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { any, type Leaf, type ObjectShape } from '../../entry/shape.ts'

/** What a script says of a dissector of its own, beside its functions. */
export interface DissectorSettings {
  readonly name: string
  readonly transport: 'tcp' | 'udp'
  readonly ports: readonly number[]
  readonly pairing: 'in-order' | 'by-id' | 'none'
  readonly abbr: string
  readonly longName: string
  readonly version: string
  readonly backgroundColor: string
  readonly foregroundColor: string
  readonly referenceLink: string
}

/** A message as a script has read it: its fields, and what lists show of it. */
export class AgentMessage {
  readonly fields: Readonly<Record<string, unknown>>
  readonly method: string
  readonly summary: string
  readonly status: number
  /** Bytes that it takes, about. */
  readonly weight: number

  constructor(
    fields: Readonly<Record<string, unknown>>,
    { method, summary, status }: { method: string; summary: string; status: number },
    weight: number,
  ) {
    this.weight = weight
    this.fields = fields
    this.method = method
    this.summary = summary
    this.status = status
  }
}

/** Entries of a protocol that a script reads: requests and replies are whatever it makes of them. */
export function agentProtocol(settings: DissectorSettings): EntryProtocol {
  const { name, transport, ports, abbr, longName, version, referenceLink } = settings
  const descriptor: Protocol = {
    name,
    version,
    abbr,
    longName,
    macro: name,
    backgroundColor: settings.backgroundColor,
    foregroundColor: settings.foregroundColor,
    fontSize: 12,
    referenceLink,
    ports: ports.map(String),
    layer4: transport,
    layer3: 'ip',
    priority: 5,
  }
  return {
    name,
    protocols: [descriptor],
    request: message,
    response: message,
    summarize: (request: AgentMessage | null, response: AgentMessage | null) => summary(request, response),
  }
}

/** A leaf where other protocols have an object with known fields: it crosses as a whole. */
const message = any(
  'What the dissector of an agent has read',
  '{ [name: string]: any } | null',
) as Leaf<unknown> as unknown as ObjectShape

function summary(request: AgentMessage | null, response: AgentMessage | null): Summary {
  const { method, summary } = request ?? response ?? NOTHING
  return {
    method,
    methodQuery: method === '' ? '' : `base.method == ${JSON.stringify(method)}`,
    summary,
    summaryQuery: summary === '' ? '' : `base.summary == ${JSON.stringify(summary)}`,
    status: response?.status ?? 0,
    statusQuery: response === null ? '' : `base.status == ${response.status}`,
  }
}

const NOTHING = { method: '', summary: '' }
