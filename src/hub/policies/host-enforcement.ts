import type { z } from 'zod'
import type { Bus } from '../../bus/bus.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { PolicyRule } from '../../policy/rule.ts'
import { decode, encode } from '../../wire/codec.ts'
import { type PolicyErrand, type PolicyNode, type PolicyRecord, policyStates } from '../../wire/policies.ts'
import { SUBJECTS } from '../../wire/subjects.ts'
import type { Enforced, Enforcement, Looked } from './enforcement.ts'

export interface HostEnforcementOptions {
  readonly bus: Pick<Bus, 'request'>
  readonly workers: () => readonly string[]
  /** Addresses with ports of hubs and workers. */
  readonly ours: () => readonly string[]
  readonly now: () => number
}

/** Has rules about addresses put in force by workers, on machines without Kubernetes. */
export class HostEnforcement implements Enforcement {
  readonly place = 'hosts'
  readonly #options: HostEnforcementOptions
  /** Of each policy what each worker has said last. */
  readonly #states = new Map<string, Map<string, PolicyNode>>()

  constructor(options: HostEnforcementOptions) {
    this.#options = options
  }

  async check(rule: PolicyRule): Promise<void> {
    if (rule.kind === 'host') return
    throw new Mistake('E_POLICY', 'there are no pods here: policies are about addresses', {
      hint: "Without Kubernetes write { block: { from: '203.0.113.7' } }, or allow.",
    })
  }

  async enforce(record: PolicyRecord): Promise<Enforced> {
    const { workers } = this.#options
    const wanted = record.nodes ?? workers()
    if (wanted.length === 0)
      throw new Mistake('E_POLICY', 'no worker is there to put it in force', {
        hint: 'remora nodes shows who is.',
      })
    const states = await Promise.all(wanted.map((node) => this.#enforceOn(node, record)))
    const failed = states.filter(({ state }) => state !== 'in force')
    if (failed.length === states.length)
      throw new Mistake(
        'E_POLICY',
        failed.map(({ node, error = 'no answer' }) => `${node}: ${error}`).join('; '),
      )
    const notes = failed.map(({ node, error = 'no answer' }) => `not in force on ${node}: ${error}`)
    return { owner: '', fingerprint: '', notes }
  }

  async lift({ name }: PolicyRecord): Promise<'we'> {
    const { workers } = this.#options
    const known = [...(this.#states.get(name)?.keys() ?? [])]
    this.#states.delete(name)
    await Promise.all([...new Set([...known, ...workers()])].map((node) => this.#liftOn(node, name)))
    return 'we'
  }

  workers(name: string): readonly PolicyNode[] {
    return [...(this.#states.get(name)?.values() ?? [])]
  }

  /** A worker that has come since gets what is in force; one that had it and has it no more has been made to lose it. */
  async look(records: readonly PolicyRecord[]): Promise<Looked> {
    const lost = new Set<string>()
    await Promise.all(
      this.#options.workers().map(async (node) => {
        const states = await this.#statesOf(node)
        if (states === undefined) return
        for (const { name } of states.filter((each) => !records.some((record) => record.name === each.name)))
          await this.#liftOn(node, name)
        for (const record of records)
          if (record.nodes === undefined || record.nodes.includes(node)) {
            const found = states.find(({ name }) => name === record.name)
            if (found !== undefined) {
              const { packets, bytes } = found
              this.#note(record.name, { node, state: 'in force', packets, bytes })
            } else if (this.#states.get(record.name)?.get(node)?.state === 'in force') {
              // Clocks are not the same to the second.
              if (record.expiresAt - this.#options.now() < NEAR_MS) continue
              this.#note(record.name, { node, state: 'over', packets: 0, bytes: 0, error: 'removed there' })
            } else if (this.#states.get(record.name)?.get(node)?.state !== 'over')
              await this.#enforceOn(node, record)
          }
      }),
    )
    for (const [name, nodes] of this.#states)
      if (nodes.size > 0 && [...nodes.values()].every(({ state }) => state === 'over')) lost.add(name)
    return { gone: [...lost], changed: [], adopted: [], owners: new Map() }
  }

  async #enforceOn(node: string, { name, rule, expiresAt }: PolicyRecord): Promise<PolicyNode> {
    const { now, ours } = this.#options
    const remainingMs = Math.max(1, expiresAt - now())
    let state: PolicyNode = { node, state: 'in force', packets: 0, bytes: 0 }
    try {
      await this.#ask(node, { ask: 'enforce', name, rule, remainingMs, ours: [...ours()] })
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      const isSilent = error.code === 'E_BUS_NO_ANSWER' || error.code === 'E_BUS'
      state = { ...state, state: isSilent ? 'silent' : 'failed', error: error.message }
    }
    this.#note(name, state)
    return state
  }

  async #liftOn(node: string, name: string): Promise<void> {
    try {
      await this.#ask(node, { ask: 'lift', name })
    } catch (error) {
      // It is asked again when it is there again, and the kernel lets go of it in time.
      if (!(error instanceof Mistake)) throw error
    }
  }

  async #statesOf(node: string): Promise<z.output<typeof policyStates>['policies'] | undefined> {
    try {
      return decode(policyStates, await this.#ask(node, { ask: 'state' }))?.policies
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      return undefined
    }
  }

  #ask(node: string, errand: PolicyErrand): Promise<Uint8Array> {
    return this.#options.bus.request(SUBJECTS.policyErrands(node), encode(errand), { timeoutMs: ANSWER_MS })
  }

  #note(name: string, state: PolicyNode): void {
    const nodes = this.#states.get(name) ?? new Map<string, PolicyNode>()
    nodes.set(state.node, state)
    this.#states.set(name, nodes)
  }
}

const ANSWER_MS = 10_000
const NEAR_MS = 3000
