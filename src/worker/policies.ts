import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { HostTable } from '../nftables/host-table.ts'
import type { Note } from '../node/note.ts'
import type { FlowEnd } from '../policy/flow.ts'
import type { HostRule } from '../policy/host-rule.ts'
import { cutByRule, type Protected } from '../policy/protection.ts'
import { readRule } from '../policy/rule.ts'
import type { FlowPage } from '../store/flow-log.ts'
import { decode, encode } from '../wire/codec.ts'
import { policyErrand, type SeenFlows } from '../wire/policies.ts'
import { SUBJECTS } from '../wire/subjects.ts'

export interface PolicyAnswersOptions {
  readonly bus: Bus
  readonly node: string
  /** Undefined where nothing is remembered. */
  readonly flows: { page(sinceMs: number, after: string): Promise<FlowPage> } | undefined
  readonly table: HostTable
  /** `scripting.allowEnforcement` */
  readonly isAllowed: boolean
  /** A file that says that rules of this worker may be in force: another Remora on this machine may have its own. */
  readonly marker: string
  /** `scripting.enforcement.removeOnExit` */
  readonly removesOnExit: boolean
  /** In a cluster, policies are no matter of workers: the table is left alone. */
  readonly isInCluster: boolean
  /** What of this machine nothing may cut. `ours`: addresses with ports of hubs and workers. */
  readonly guarded: (ours: readonly string[]) => Promise<readonly Protected[]>
  readonly note: Note
}

/** Answers hubs that put rules about addresses in force here, and ask who has connected to whom. */
export class PolicyAnswers {
  readonly #options: PolicyAnswersOptions
  readonly #respond: () => void
  readonly #tidying: NodeJS.Timeout | undefined
  readonly #ready: Promise<void>

  constructor(options: PolicyAnswersOptions) {
    this.#options = options
    const { bus, node, isInCluster } = options
    this.#respond = bus.respond(SUBJECTS.policyErrands(node), (payload) => this.#answer(payload))
    this.#ready = isInCluster ? Promise.resolve() : this.#begin()
    if (!isInCluster && options.isAllowed)
      this.#tidying = setInterval(() => void this.#tidy(), TIDY_MS).unref()
  }

  async close(): Promise<void> {
    const { isAllowed, isInCluster, removesOnExit, table, note } = this.#options
    clearInterval(this.#tidying)
    this.#respond()
    await this.#ready
    if (!isAllowed || isInCluster || !removesOnExit) return
    await table.clear().catch((error: unknown) => note('warning', 'policies stay in force', said(error)))
  }

  /**
   * Connections are tracked from the beginning, so that it is known who has opened them. Where agents may not enforce anything
   * any more, what they have put in force before goes.
   */
  async #begin(): Promise<void> {
    const { isAllowed, table, marker, note } = this.#options
    try {
      if (isAllowed) await table.prepare()
      else if (existsSync(marker)) {
        await table.clear()
        rmSync(marker)
      }
    } catch (error) {
      if (isAllowed) note('warning', 'policies cannot be put in force here', said(error))
    }
  }

  async #tidy(): Promise<void> {
    await this.#options.table.tidy().catch(() => {
      // It says so again when somebody wants to enforce something.
    })
  }

  async #answer(payload: Uint8Array): Promise<Uint8Array> {
    const errand = decode(policyErrand, payload)
    const { table, isAllowed, marker } = this.#options
    switch (errand?.ask) {
      case 'enforce': {
        if (!isAllowed) throw new Mistake('E_POLICY', 'scripting.allowEnforcement is off on this worker')
        const rule = readRule(errand.rule)
        if (rule.kind !== 'host') throw new Mistake('E_POLICY', 'workers know rules about addresses only')
        await this.#check(rule.rule, errand.ours)
        mkdirSync(dirname(marker), { recursive: true })
        writeFileSync(marker, '')
        await table.enforce(errand.name, rule.rule, errand.remainingMs)
        return encode({})
      }
      case 'lift':
        await table.lift(errand.name)
        return encode({})
      case 'state':
        return encode({ policies: isAllowed ? await table.list() : [] })
      case 'flows':
        return encode(await this.#flows(errand.sinceMs, errand.after))
      default:
        throw new Mistake('E_REQUEST', 'this is no errand about policies')
    }
  }

  async #check(rule: HostRule, ours: readonly string[]): Promise<void> {
    const cut = cutByRule(await this.#options.guarded(ours), rule)
    if (cut === undefined) return
    const { from, to, port } = cut.flow
    throw new Mistake('E_POLICY', `it would cut ${cut.what}: ${from.address} to ${to.address}:${port}`, {
      hint: 'Name other addresses or ports: Remora does not cut itself off.',
    })
  }

  async #flows(sinceMs: number, after: string): Promise<SeenFlows> {
    const { flows } = this.#options
    if (flows === undefined) return { from: Date.now(), complete: false, ends: [], flows: [], next: null }
    return packed(await flows.page(sinceMs, after))
  }
}

/** Each end once. */
function packed({ flows, from, isComplete, next }: FlowPage): SeenFlows {
  const places = new Map<string, number>()
  const ends: FlowEnd[] = []
  const placeOf = (end: FlowEnd) => {
    const key = JSON.stringify(end)
    const known = places.get(key)
    if (known !== undefined) return known
    places.set(key, ends.length)
    return ends.push(end) - 1
  }
  const rows = flows.map(
    (flow) =>
      [
        placeOf(flow.from),
        placeOf(flow.to),
        flow.protocol,
        flow.port,
        flow.count,
        flow.firstAt,
        flow.lastAt,
      ] satisfies SeenFlows['flows'][number],
  )
  return { from, complete: isComplete, ends: ends as SeenFlows['ends'], flows: rows, next: next ?? null }
}

function said(error: unknown): { readonly error: string; readonly hint?: string } {
  if (!(error instanceof Mistake)) return { error: String(error) }
  return { error: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) }
}

const TIDY_MS = 10_000
