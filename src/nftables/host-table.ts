import { z } from 'zod'
import type { HostPort, HostRule } from '../policy/host-rule.ts'
import { addressText, type Network } from '../policy/networks.ts'
import { type NftRunner, runNft } from './nft.ts'

/** A rule about addresses that is in force on this machine. */
export interface HostPolicy {
  readonly name: string
  /** Until the kernel forgets it, ms; a second more or less. */
  readonly remainingMs: number
  /** What it has cut. */
  readonly packets: number
  readonly bytes: number
}

/**
 * The table `inet remora` of nftables, which is ours alone: no other is looked at or changed. What a rule is about stands in
 * sets whose elements the kernel forgets by itself when their time is up, whether we still run or not.
 *
 * A rule is about who has opened a connection, as the connection tracking of the kernel knows it: `prerouting` and `output`,
 * after that (priority -200) and before addresses are translated (-100). Connections that are open already are cut as well.
 * Without the table nothing may be tracked on the machine, so it is made early: of a connection that is older, the first
 * packet that is seen counts as that of who has opened it.
 */
export class HostTable {
  readonly #run: NftRunner
  /** One change after another: what is listed must still be there when it is changed. */
  #changing: Promise<unknown> = Promise.resolve()

  constructor(run: NftRunner = runNft) {
    this.#run = run
  }

  /** Makes the table when it is not there. Rejects with `E_POLICY` that says what is missing: nft, or a right. */
  prepare(): Promise<void> {
    return this.#inTurn(() => this.#prepare())
  }

  /** Puts a rule in force for so long, in place of one of the same name. */
  enforce(name: string, rule: HostRule, remainingMs: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#prepare()
      const seconds = Math.max(1, Math.ceil(remainingMs / 1000))
      await this.#change([...removals(await this.#parts(), name), ...additions(name, rule, seconds)])
    })
  }

  /** Of one that is not there: nothing. */
  lift(name: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#change(removals(await this.#parts(), name))
    })
  }

  /** Those that are in force now, also from before this program began. */
  async list(): Promise<HostPolicy[]> {
    const parts = await this.#parts()
    return namesIn(parts).flatMap((name) => {
      const expires = parts.sets.filter(({ owner }) => owner === name).map(({ expires: each }) => each)
      const remaining = Math.min(...expires.filter((each) => each !== undefined))
      if (!Number.isFinite(remaining) || expires.some((each) => each === undefined)) return []
      const rules = parts.rules.filter(({ comment, cuts }) => comment === name && cuts)
      return {
        name,
        remainingMs: remaining * 1000,
        packets: rules.reduce((sum, { packets }) => sum + packets, 0),
        bytes: rules.reduce((sum, { bytes }) => sum + bytes, 0),
      }
    })
  }

  /** Takes away what is left of rules whose time is up. */
  tidy(): Promise<void> {
    return this.#inTurn(async () => {
      const parts = await this.#parts()
      const inForce = new Set((await this.list()).map(({ name }) => name))
      const over = namesIn(parts).filter((name) => !inForce.has(name))
      await this.#change(over.flatMap((name) => removals(parts, name)))
    })
  }

  /** Takes the whole table away, and with it all that is in force. */
  clear(): Promise<void> {
    return this.#inTurn(() => this.#change([{ add: { table: TABLE } }, { delete: { table: TABLE } }]))
  }

  async #prepare(): Promise<void> {
    const { chains } = await this.#parts()
    if (CHAINS.every(({ name }) => chains.has(name))) return
    await this.#change([{ add: { table: TABLE } }, { delete: { table: TABLE } }, ...BASE])
  }

  async #parts(): Promise<Parts> {
    const said = await this.#run(['-j', '-a', 'list', 'table', TABLE.family, TABLE.name])
    return said === undefined ? NO_PARTS : partsIn(said)
  }

  async #change(commands: readonly object[]): Promise<void> {
    if (commands.length === 0) return
    await this.#run(['-j', '-f', '-'], JSON.stringify({ nftables: commands }))
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#changing.then(work)
    this.#changing = done.catch(() => {}) // Whoever asked for it hears of it.
    return done
  }
}

const TABLE = { family: 'inet', name: 'remora' } as const
const PLACE = { family: TABLE.family, table: TABLE.name } as const

/** In `allowed` are rules that let something pass, in `held` those that cut all the rest. */
const CHAINS = [
  { name: 'blocked' },
  { name: 'allowed' },
  { name: 'held' },
  { name: 'in', type: 'filter', hook: 'prerouting', prio: -150, policy: 'accept' },
  { name: 'out', type: 'filter', hook: 'output', prio: -150, policy: 'accept' },
] as const

const BASE: readonly object[] = [
  { add: { table: TABLE } },
  ...CHAINS.map((chain) => ({ add: { chain: { ...PLACE, ...chain } } })),
  ...(['in', 'out'] as const).flatMap((chain) => [
    rule(chain, [equal({ meta: { key: chain === 'in' ? 'iifname' : 'oifname' } }, 'lo'), { accept: null }]),
    rule(chain, [{ jump: { target: 'blocked' } }]),
    // Errors about connections that pass, such as those by which the size of packets is found.
    rule(chain, [
      { match: { op: 'in', left: { ct: { key: 'state' } }, right: 'related' } },
      { accept: null },
    ]),
    rule(chain, [{ jump: { target: 'allowed' } }]),
    rule(chain, [{ jump: { target: 'held' } }]),
  ]),
]

type Family = 4 | 6
type Way = 'original' | 'reply'

function additions(name: string, { kind, from, to, ports }: HostRule, seconds: number): object[] {
  const families = ([4, 6] as const).filter((family) => [from, to].every((each) => has(each, family)))
  // Who may pass is remembered a little longer than that nobody else may.
  const longer = kind === 'allow' ? seconds + GRACE_S : seconds
  return [
    ...([4, 6] as const).flatMap((family) => [
      ...(has(from, family) ? timedSet(setOf(name, 'from', family), from, family, longer) : []),
      ...(has(to, family) ? timedSet(setOf(name, 'to', family), to, family, seconds) : []),
    ]),
    ...families.flatMap((family) =>
      (['original', 'reply'] as const).flatMap((way) =>
        portMatches(ports, way).map((match) =>
          rule(
            kind === 'block' ? 'blocked' : 'allowed',
            [
              direction(way),
              address(family, way === 'original' ? 'saddr' : 'daddr', setOf(name, 'from', family)),
              address(family, way === 'original' ? 'daddr' : 'saddr', setOf(name, 'to', family)),
              ...match,
              COUNTER,
              { [kind === 'block' ? 'drop' : 'accept']: null },
            ],
            name,
          ),
        ),
      ),
    ),
    ...(kind === 'block' ? [] : holding(name, to)),
  ]
}

/** What nothing has let pass by then. */
function holding(name: string, to: readonly Network[]): object[] {
  return ([4, 6] as const)
    .filter((family) => has(to, family))
    .flatMap((family) =>
      (['original', 'reply'] as const).map((way) =>
        rule(
          'held',
          [
            direction(way),
            address(family, way === 'original' ? 'daddr' : 'saddr', setOf(name, 'to', family)),
            COUNTER,
            { drop: null },
          ],
          name,
        ),
      ),
    )
}

function removals({ rules, sets }: Parts, name: string): object[] {
  return [
    ...rules
      .filter(({ comment }) => comment === name)
      .map(({ chain, handle }) => ({ delete: { rule: { ...PLACE, chain, handle } } })),
    ...sets
      .filter(({ owner }) => owner === name)
      .map(({ name: each }) => ({ delete: { set: { ...PLACE, name: each } } })),
  ]
}

function timedSet(name: string, networks: readonly Network[], family: Family, seconds: number): object[] {
  const elem = networks
    .filter((each) => each.family === family)
    .map((each) => ({ elem: { val: valueOfNetwork(each), timeout: seconds } }))
  return [
    { add: { set: { ...PLACE, name, type: `ipv${family}_addr`, flags: ['interval', 'timeout'] } } },
    { add: { element: { ...PLACE, name, elem } } },
  ]
}

function valueOfNetwork(network: Network): unknown {
  const isWhole = network.bits === (network.family === 4 ? 32 : 128)
  return isWhole ? addressText(network) : { prefix: { addr: addressText(network), len: network.bits } }
}

/** One for each transport that is named; without ports one that asks for nothing. */
function portMatches(ports: readonly HostPort[], way: Way): object[][] {
  if (ports.length === 0) return [[]]
  return [...Map.groupBy(ports, ({ protocol }) => protocol)].map(([protocol, own]) => {
    const field = way === 'original' ? 'dport' : 'sport'
    const set = own.map(({ port, endPort }) => (port === endPort ? port : { range: [port, endPort] }))
    return [equal({ payload: { protocol: protocol.toLowerCase(), field } }, { set })]
  })
}

function rule(chain: string, expr: readonly object[], comment?: string): object {
  return { add: { rule: { ...PLACE, chain, expr, ...(comment === undefined ? {} : { comment }) } } }
}

function direction(way: Way): object {
  return equal({ ct: { key: 'direction' } }, way)
}

function address(family: Family, field: 'saddr' | 'daddr', set: string): object {
  return equal({ payload: { protocol: family === 4 ? 'ip' : 'ip6', field } }, `@${set}`)
}

function equal(left: object, right: unknown): object {
  return { match: { op: '==', left, right } }
}

function setOf(name: string, end: 'from' | 'to', family: Family): string {
  return `${name}.${end}${family}`
}

function has(networks: readonly Network[], family: Family): boolean {
  return networks.some((each) => each.family === family)
}

const COUNTER = { counter: { packets: 0, bytes: 0 } }
const GRACE_S = 5

/** What there is in the table. */
interface Parts {
  readonly chains: ReadonlySet<string>
  readonly sets: readonly {
    readonly name: string
    readonly owner: string
    readonly expires: number | undefined
  }[]
  readonly rules: readonly RulePart[]
}

interface RulePart {
  readonly chain: string
  readonly handle: number
  readonly comment: string
  readonly cuts: boolean
  readonly packets: number
  readonly bytes: number
}

const NO_PARTS: Parts = { chains: new Set(), sets: [], rules: [] }

const listing = z.object({
  nftables: z.array(
    z.object({
      chain: z.looseObject({ name: z.string() }).optional(),
      set: z.looseObject({ name: z.string(), elem: z.array(z.unknown()).default([]) }).optional(),
      rule: z
        .looseObject({
          chain: z.string(),
          handle: z.number(),
          comment: z.string().default(''),
          expr: z.array(z.record(z.string(), z.unknown())).default([]),
        })
        .optional(),
    }),
  ),
})
const element = z.object({ elem: z.object({ expires: z.number() }) })
const counter = z.object({ packets: z.number(), bytes: z.number() })

function partsIn(said: string): Parts {
  const all = listing.parse(JSON.parse(said)).nftables
  return {
    chains: new Set(all.flatMap(({ chain }) => (chain === undefined ? [] : [chain.name]))),
    sets: all.flatMap(({ set }) => (set === undefined ? [] : [setPart(set)])),
    rules: all.flatMap(({ rule: each }) => {
      if (each === undefined) return []
      const { chain, handle, comment, expr } = each
      const counted = expr.flatMap((part) => counter.safeParse(part.counter).data ?? [])[0]
      const cuts = expr.some((part) => 'drop' in part)
      return [{ chain, handle, comment, cuts, packets: counted?.packets ?? 0, bytes: counted?.bytes ?? 0 }]
    }),
  }
}

/** A set without elements is one whose time is up. */
function setPart({ name, elem }: { readonly name: string; readonly elem: readonly unknown[] }) {
  const expires = elem.flatMap((each) => element.safeParse(each).data?.elem.expires ?? [])
  const owner = name.replace(/\.(from|to)[46]$/, '')
  return { name, owner, expires: expires.length === 0 ? undefined : Math.min(...expires) }
}

function namesIn({ sets, rules }: Parts): string[] {
  const named = [...sets.map(({ owner }) => owner), ...rules.map(({ comment }) => comment)]
  return [...new Set(named)].filter((name) => name !== '')
}
