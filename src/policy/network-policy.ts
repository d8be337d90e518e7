import { z } from 'zod'
import { Mistake } from '../mistake/mistake.ts'
import { nearest } from '../mistake/nearest.ts'
import { covers, readNetwork } from './networks.ts'

/** The part of a label or of a label's key: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ */
const NAME_PART = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/
const DNS_NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/

const labelKey = z
  .string()
  .refine(isLabelKey, 'expected the key of a label, such as app or app.kubernetes.io/name')
const labelValue = z
  .string()
  .refine(
    (value) => value === '' || NAME_PART.test(value),
    'expected the value of a label: 63 letters, digits, and - _ . between them',
  )

const expression = z
  .strictObject({
    key: labelKey,
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: z.array(labelValue).nullish(),
  })
  .refine(({ operator, values }) => !takesValues(operator) || (values ?? []).length > 0, {
    path: ['values'],
    error: 'In and NotIn need values',
  })
  .refine(({ operator, values }) => takesValues(operator) || (values ?? []).length === 0, {
    path: ['values'],
    error: 'Exists and DoesNotExist take no values',
  })

const selector = z.strictObject({
  matchLabels: z.record(labelKey, labelValue).nullish(),
  matchExpressions: z.array(expression).nullish(),
})

const cidr = z
  .string()
  .refine(
    (text) => text.includes('/') && readNetwork(text) !== undefined,
    'expected a network such as 10.0.0.0/8 or 2001:db8::/32',
  )

const ipBlock = z
  .strictObject({ cidr, except: z.array(cidr).nullish() })
  .refine(({ cidr: outer, except }) => (except ?? []).every((inner) => isInside(inner, outer)), {
    path: ['except'],
    error: 'each exception has to be a smaller network within cidr',
  })

const peer = z
  .strictObject({
    podSelector: selector.nullish(),
    namespaceSelector: selector.nullish(),
    ipBlock: ipBlock.nullish(),
  })
  .refine(
    ({ podSelector, namespaceSelector, ipBlock: block }) =>
      (block ?? undefined) !== undefined
        ? (podSelector ?? namespaceSelector ?? undefined) === undefined
        : (podSelector ?? namespaceSelector ?? undefined) !== undefined,
    'expected podSelector and/or namespaceSelector, or ipBlock alone',
  )

const portNumber = z.number().int().min(1).max(65_535)
const portName = z
  .string()
  .regex(/^(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/, 'expected a port, or the name of one')

const port = z
  .strictObject({
    protocol: z.enum(['TCP', 'UDP', 'SCTP']).nullish(),
    port: z.union([portNumber, portName]).nullish(),
    endPort: portNumber.nullish(),
  })
  .refine(
    ({ port: first, endPort }) =>
      (endPort ?? undefined) === undefined || (typeof first === 'number' && first <= (endPort ?? 0)),
    { path: ['endPort'], error: 'endPort needs a port that is a number, and not above it' },
  )

const peers = z.array(peer).nullish()
const ports = z.array(port).nullish()

const spec = z.strictObject({
  podSelector: selector.nullish(),
  policyTypes: z.array(z.enum(['Ingress', 'Egress'])).nullish(),
  ingress: z.array(z.strictObject({ from: peers, ports })).nullish(),
  egress: z.array(z.strictObject({ to: peers, ports })).nullish(),
})

const networkPolicy = z.object({
  apiVersion: z.literal('networking.k8s.io/v1'),
  kind: z.literal('NetworkPolicy'),
  metadata: z.looseObject({
    name: z.string().max(253).regex(DNS_NAME, 'expected a name of lower case letters, digits, - and .'),
    namespace: z.string().max(63).regex(DNS_NAME).default('default'),
  }),
  spec,
})

/** https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/ */
export type NetworkPolicy = z.output<typeof networkPolicy>
export type PolicySpec = z.output<typeof spec>
export type Selector = z.output<typeof selector>
export type Peer = z.output<typeof peer>
export type PolicyPort = z.output<typeof port>

/** Throws `E_REQUEST` with the path of what is wrong: `spec.egress[0].to[1].ipBlock.cidr: …`. */
export function readNetworkPolicy(value: unknown): NetworkPolicy {
  const read = networkPolicy.safeParse(value)
  if (read.success) return read.data
  const [issue] = read.error.issues
  const path = issue === undefined ? '' : pathText(issue.path)
  const message = issue?.message ?? 'it is none'
  throw new Mistake('E_REQUEST', `network policy: ${path === '' ? '' : `${path}: `}${message}`, {
    hint: hintFor(issue),
  })
}

/** Which directions it holds its pods to. Without `policyTypes`: ingress, and egress when it has rules for that. */
export function directionsOf({ policyTypes, egress }: PolicySpec): ReadonlySet<'Ingress' | 'Egress'> {
  if ((policyTypes ?? []).length > 0) return new Set(policyTypes)
  return new Set((egress ?? []).length > 0 ? (['Ingress', 'Egress'] as const) : (['Ingress'] as const))
}

function hintFor(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code !== 'unrecognized_keys')
    return 'See https://kubernetes.io/docs/concepts/services-networking/network-policies/ for how one is written.'
  const meant = nearest(issue.keys[0] ?? '', FIELDS)
  return meant === undefined ? `Fields there are: ${FIELDS.join(', ')}.` : `Did you mean ${meant}?`
}

const FIELDS = [
  ...['podSelector', 'policyTypes', 'ingress', 'egress', 'from', 'to', 'ports'],
  ...['namespaceSelector', 'ipBlock', 'cidr', 'except', 'protocol', 'port', 'endPort'],
  ...['matchLabels', 'matchExpressions', 'key', 'operator', 'values'],
]

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '')
}

function takesValues(operator: string): boolean {
  return operator === 'In' || operator === 'NotIn'
}

function isLabelKey(text: string): boolean {
  const parts = text.split('/')
  const name = parts.at(-1) ?? ''
  return parts.length <= 2 && NAME_PART.test(name) && (parts.length === 1 || DNS_NAME.test(parts[0] ?? ''))
}

function isInside(inner: string, outer: string): boolean {
  const [smaller, larger] = [readNetwork(inner), readNetwork(outer)]
  return (
    smaller !== undefined && larger !== undefined && covers(larger, smaller) && smaller.bits > larger.bits
  )
}
