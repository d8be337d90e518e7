import { type Described, positive, type SeenEntry, type View } from './seen.ts'

/** There is no convention for spans of DNS; names are those of its metrics and of the registry. */
export function describeDns(entry: SeenEntry): Described {
  const [question] = entry.list('request.questions') as readonly { name?: unknown; type?: unknown }[]
  const answers = entry.list('response.answers') as readonly { data?: unknown; ip?: unknown }[]
  const code = entry.text('response.code')
  return {
    name: typeof question?.type === 'string' ? `DNS ${question.type}` : 'DNS',
    kind: 'client',
    attributes: {
      'dns.question.name': question?.name,
      'dns.answers':
        answers.length === 0 ? undefined : answers.map(({ ip, data }) => String(ip || data || '')),
      ...serverOf(entry),
    },
    error: code === undefined || code === 'No Error' ? undefined : { type: code },
  }
}

/** What has no convention: its protocol, what was asked and whether it failed. */
export function describeOther(entry: SeenEntry, { side }: View): Described {
  const protocol = entry.text('protocol.abbr') ?? entry.text('protocol.name') ?? 'unknown'
  const operation = OPERATIONS.map((path) => entry.text(path)).find((each) => each !== undefined)
  return {
    name: operation === undefined ? protocol : `${protocol} ${operation}`,
    kind: side,
    attributes: serverOf(entry),
    error: failureOf(entry),
  }
}

/** LDAP and TLS; RADIUS; Diameter; ICMP; WebSocket. */
const OPERATIONS = [
  'request.type',
  'request.codeName',
  'request.method',
  'request.typeCode',
  'request.opcode',
] as const

function failureOf(entry: SeenEntry): Described['error'] {
  switch (entry.text('protocol.name')) {
    case 'ldap': {
      const code = entry.number('response.resultCode')
      if (code === undefined || LDAP_WELL.has(code)) return undefined
      return {
        type: entry.text('response.result') ?? String(code),
        message: entry.text('response.diagnosticMessage'),
      }
    }
    case 'diameter': {
      const code = entry.number('response.resultCode')
      // RFC 6733 §7.1: 1xxx and 2xxx are no failures.
      return code !== undefined && code >= 3000
        ? { type: entry.text('response.resultName') ?? String(code) }
        : undefined
    }
    case 'radius': {
      const name = entry.text('response.codeName')
      return name !== undefined && /-(Reject|NAK)$/.test(name) ? { type: name } : undefined
    }
    case 'tlsx': {
      const alert = entry.text('response.alert.description') ?? entry.text('request.alert.description')
      return alert === undefined ? undefined : { type: alert }
    }
    default:
      return undefined
  }
}

/** RFC 4511 §4.1.9: success, compareFalse, compareTrue, referral, saslBindInProgress. */
const LDAP_WELL: ReadonlySet<number> = new Set([0, 5, 6, 10, 14])

function serverOf(entry: SeenEntry) {
  return {
    'server.address': entry.text('dst.name') ?? entry.text('dst.ip'),
    'server.port': positive(entry.number('dst.port')),
  }
}
