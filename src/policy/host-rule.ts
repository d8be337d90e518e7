import { z } from 'zod'
import { Mistake } from '../mistake/mistake.ts'
import type { Flow } from './flow.ts'
import { contains, merged, type Network, networkText, readAddress, readNetwork } from './networks.ts'

/**
 * What plain hosts are held to, by addresses. `block`: what `from` opens to `to` at `ports` is cut. `allow`: of what is opened
 * to `to`, only what comes from `from` at `ports` passes, or what another such rule about that address lets pass.
 */
export interface HostRule {
  readonly kind: 'block' | 'allow'
  readonly from: readonly Network[]
  readonly to: readonly Network[]
  /** None: every port, and what has no ports. */
  readonly ports: readonly HostPort[]
}

export interface HostPort {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly port: number
  readonly endPort: number
}

const PORT = /^(?:(tcp|udp|sctp)\/)?(\d{1,5})(?:-(\d{1,5}))?$/i
const one = <S extends z.ZodType>(schema: S) => z.union([schema, z.array(schema).max(MOST)])
const network = z
  .string()
  .refine((text) => readNetwork(text) !== undefined, 'expected an address or a network')
const port = z
  .union([z.number(), z.string()])
  .refine((each) => readPort(each) !== undefined, 'expected a port such as 80, udp/53 or tcp/8000-8100')

const MOST = 1000

/** As people write it. */
export const hostRuleText = z.strictObject({
  from: one(network).optional(),
  to: one(network).optional(),
  ports: one(port).optional(),
})
type HostRuleText = z.infer<typeof hostRuleText>

/** Throws `E_REQUEST` for a rule that says nothing: what is meant by it would be the whole world. */
export function readHostRule(kind: HostRule['kind'], { from, to, ports }: HostRuleText): HostRule {
  const rule = { kind, from: networksOf(from), to: networksOf(to), ports: portsOf(ports) }
  if (kind === 'allow' && to === undefined)
    throw new Mistake('E_REQUEST', 'allow: to is missing: the addresses that nothing else may connect to', {
      hint: "Such as { to: '10.0.0.5', from: '10.0.0.0/24', ports: 5432 }.",
    })
  if (from === undefined && to === undefined && ports === undefined)
    throw new Mistake('E_REQUEST', 'block: from, to or ports is needed', {
      hint: "Such as { from: '203.0.113.7' }.",
    })
  return rule
}

/** Whether these rules let a connection through. Nothing keeps a machine from itself. */
export function hostVerdict(rules: readonly HostRule[], flow: Flow): boolean {
  const [from, to] = [readAddress(flow.from.address), readAddress(flow.to.address)]
  if (
    from === undefined ||
    to === undefined ||
    LOOPBACK.some((each) => contains(each, from) || contains(each, to))
  )
    return true
  if (flow.from.address === flow.to.address) return true
  const fits = (rule: HostRule) =>
    rule.from.some((each) => contains(each, from)) &&
    rule.to.some((each) => contains(each, to)) &&
    isPort(rule.ports, flow)
  if (rules.some((rule) => rule.kind === 'block' && fits(rule))) return false
  const holding = rules.filter((rule) => rule.kind === 'allow' && rule.to.some((each) => contains(each, to)))
  return holding.length === 0 || holding.some(fits)
}

/** For people: `from 10.0.0.5 to anywhere at tcp/80`. */
export function hostRuleInWords({ kind, from, to, ports }: HostRule): string {
  const places = (networks: readonly Network[]) =>
    isEverything(networks) ? 'anywhere' : networks.map(networkText).join(', ')
  const at = ports.length === 0 ? '' : ` at ${ports.map(portText).join(', ')}`
  return `${kind} from ${places(from)} to ${places(to)}${at}`
}

/** Whether nothing is named by which it could be meant for somebody. */
export function isWholeWorld({ from, to }: HostRule): boolean {
  return isEverything(from) && isEverything(to)
}

export function portText({ protocol, port: first, endPort }: HostPort): string {
  return `${protocol.toLowerCase()}/${first}${endPort === first ? '' : `-${endPort}`}`
}

function isEverything(networks: readonly Network[]): boolean {
  return networks.some(({ bits }) => bits === 0)
}

function isPort(ports: readonly HostPort[], flow: Flow): boolean {
  return (
    ports.length === 0 ||
    ports.some(
      (each) => each.protocol === flow.protocol && flow.port >= each.port && flow.port <= each.endPort,
    )
  )
}

function networksOf(written: HostRuleText['from']): Network[] {
  if (written === undefined) return EVERYTHING
  return merged(listOf(written).flatMap((each) => readNetwork(each) ?? []))
}

function portsOf(written: HostRuleText['ports']): HostPort[] {
  return written === undefined ? [] : listOf(written).flatMap((each) => readPort(each) ?? [])
}

function readPort(written: number | string): HostPort | undefined {
  const [, protocol = 'tcp', first = '', last = first] = PORT.exec(String(written)) ?? []
  const [port, endPort] = [Number(first), Number(last)]
  if (port < 1 || port > endPort || endPort > 65_535) return undefined
  return { protocol: protocol.toUpperCase() as HostPort['protocol'], port, endPort }
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T]
}

function networks(...texts: readonly string[]): Network[] {
  return texts.flatMap((text) => readNetwork(text) ?? [])
}

const EVERYTHING = networks('0.0.0.0/0', '::/0')
const LOOPBACK = networks('127.0.0.0/8', '::1')
