import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { agentTitle } from '../../agent/source/title.ts'
import { type Outcome, statesByAgent, statusOf } from '../../cluster/network-agent-status.ts'
import type { KubernetesClient, KubernetesObject, WatchEvent } from '../../kubernetes/client.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { Fleet } from '../../node/fleet.ts'
import type { Note } from '../../node/note.ts'
import type { AgentStore } from '../../store/agent-store.ts'
import { hashOf, LONGEST_TITLE, NEW_SCRIPT, plainTitle } from '../../store/records.ts'
import { pause } from '../../waiting/pause.ts'
import { Wake } from '../../waiting/wake.ts'
import type { AgentRecord } from '../../wire/agents.ts'
import {
  NETWORK_AGENTS,
  type NetworkAgent,
  networkAgent,
  networkAgentSpec,
  networkAgentStatus,
  type ResourceName,
  resourceOf,
  sourceOfResource,
} from '../../wire/network-agents.ts'
import { named } from '../node-names.ts'

export interface NetworkAgentsOptions {
  readonly client: Pick<KubernetesClient, 'watch' | 'patch'>
  readonly namespaces: readonly string[]
  readonly store: AgentStore
  readonly fleet: Pick<Fleet, 'nodes' | 'onChange'>
  /** Throws what is wrong with a script, with line and column. */
  readonly check: (code: string, title: string) => void
  readonly note: Note
  readonly now?: () => number
  /** How long a resource may be gone before its agent goes, too: it may be on its way to be made anew. */
  readonly graceMs?: number
}

/**
 * Makes agents of NetworkAgent resources while this hub leads, whatever the store, and writes into each what has become of it.
 * What the resources say counts for these agents; all others are left alone. What may not be read or written is said once, and
 * keeps nothing else.
 */
export class NetworkAgents {
  readonly #options: NetworkAgentsOptions
  readonly #closing = new AbortController()
  readonly #wake = new Wake()
  readonly #running: Promise<unknown>
  readonly #resources = new Map<string, NetworkAgent>()
  /** Namespaces of which all resources are known. */
  readonly #known = new Set<string>()
  /** Namespaces in which there can be none, since the definition is not installed. */
  readonly #without = new Set<string>()
  readonly #scripts = new Map<string, FollowedScript>()
  readonly #outcomes = new Map<string, Outcome>()
  /** Generations that were brought into the store. */
  readonly #applied = new Map<string, number>()
  /** Agents without their resource, and since when. */
  readonly #missing = new Map<string, number>()
  readonly #written = new Map<string, Written>()
  readonly #said = new Set<string>()
  #isChanged = true
  readonly #counts = { applied: 0, refused: 0, statuses: 0, failedStatuses: 0 }

  constructor(options: NetworkAgentsOptions) {
    this.#options = options
    const { namespaces, fleet } = options
    const stop = fleet.onChange(() => this.#wake.ring())
    this.#running = Promise.all([
      ...namespaces.map((namespace) => this.#follow(namespace)),
      this.#followStore(),
      this.#reconcile(),
    ]).finally(stop)
  }

  get counters(): Readonly<Record<string, number>> {
    const { applied, refused, statuses, failedStatuses } = this.#counts
    return {
      'networkAgents.known': this.#resources.size,
      'networkAgents.applied': applied,
      'networkAgents.refused': refused,
      'networkAgents.statuses': statuses,
      'networkAgents.failedStatuses': failedStatuses,
    }
  }

  /** False when it is known that there is no such resource, so that its agent is everybody's. */
  mayHave(name: ResourceName): boolean {
    const { namespace } = name
    if (this.#without.has(namespace)) return false
    return !this.#known.has(namespace) || this.#resources.has(keyOf(name))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  get #nowMs(): number {
    return this.#options.now?.() ?? Date.now()
  }

  #change(): void {
    this.#isChanged = true
    this.#wake.ring()
  }

  async #follow(namespace: string): Promise<void> {
    const { signal } = this.#closing
    await this.#patiently(async () => {
      const events = this.#options.client.watch(pathOf({ namespace }), {
        signal,
        onTrouble: (mistake) => {
          this.#sayOnce(`follow ${namespace}`, notFollowed(mistake, namespace))
          if (mistake.code === 'E_NOT_FOUND') this.#leave(namespace)
        },
        onRecovered: () => this.#said.delete(`follow ${namespace}`),
      })
      for await (const event of events) {
        this.#take(namespace, event)
        this.#change()
      }
    })
  }

  /** The definition has gone, and all resources with it. Their agents stay until somebody deletes them: it may be on its way back. */
  #leave(namespace: string): void {
    this.#without.add(namespace)
    this.#known.delete(namespace)
    for (const [key, { metadata }] of this.#resources) if (metadata.namespace === namespace) this.#forget(key)
  }

  #take(namespace: string, event: WatchEvent): void {
    if (event.kind !== 'all') {
      const { name } = event.object.metadata
      if (event.kind === 'delete') this.#forget(keyOf({ namespace, name }))
      else this.#keep(namespace, event.object)
      return
    }
    this.#without.delete(namespace)
    this.#known.add(namespace)
    const names = new Set(event.objects.map(({ metadata }) => keyOf({ namespace, name: metadata.name })))
    for (const [key, { metadata }] of this.#resources)
      if (metadata.namespace === namespace && !names.has(key)) this.#forget(key)
    for (const object of event.objects) this.#keep(namespace, object)
  }

  #keep(namespace: string, object: KubernetesObject): void {
    const resource = networkAgent.safeParse({ ...object, metadata: { namespace, ...object.metadata } }).data
    if (resource === undefined) return
    const key = keyOf(resource.metadata)
    if (!this.#resources.has(key) && this.#resources.size >= MOST_RESOURCES) {
      this.#sayOnce('many', new Mistake('E_TOO_LARGE', `only ${MOST_RESOURCES} NetworkAgents are looked at`))
      return
    }
    this.#resources.set(key, resource)
  }

  #forget(key: string): void {
    this.#resources.delete(key)
    for (const map of [this.#outcomes, this.#applied, this.#written]) map.delete(key)
  }

  /** What changes in the store, whoever did it, is put right where it is of a resource. */
  async #followStore(): Promise<void> {
    const { signal } = this.#closing
    await this.#patiently(async () => {
      for await (const _ of this.#options.store.watch(signal)) this.#change()
    })
  }

  async #reconcile(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      await this.#wake.next(signal, AGAIN_MS)
      if (signal.aborted) return
      await this.#patiently(() => this.#round())
      await pause(SHORTEST_ROUND_MS, signal)
    }
  }

  async #round(): Promise<void> {
    const { store } = this.#options
    const isChanged = this.#isChanged
    const keys = [...this.#resources.keys()].filter((key) => isChanged || this.#isPassing(key)).sort()
    if (keys.length > 0 || isChanged || this.#missing.size > 0) {
      this.#isChanged = false
      this.#followScripts()
      const records = new Map((await store.list()).map((record) => [record.id, record]))
      for (const key of keys) {
        const resource = this.#resources.get(key)
        if (resource === undefined || this.#closing.signal.aborted) continue
        const outcome = await this.#apply(key, resource, [...records.values()])
        this.#outcomes.set(key, outcome)
        // Those that come see what those before have changed.
        if (outcome.record !== undefined) records.set(outcome.record.id, outcome.record)
      }
      await this.#deleteOrphans([...records.values()])
    }
    await this.#tellAll()
  }

  #isPassing(key: string): boolean {
    const outcome = this.#outcomes.get(key)
    return outcome?.kind === 'refused' && outcome.reason === PASSING
  }

  async #apply(key: string, resource: NetworkAgent, records: readonly AgentRecord[]): Promise<Outcome> {
    const { path } = sourceOfResource(resource.metadata, '')
    const record = records.find((each) => each.source?.path === path)
    try {
      const wanted = this.#wantedOf(resource)
      return { kind: 'stored', record: await this.#store(key, resource, wanted, records, record) }
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      this.#counts.refused++
      const reason = error instanceof Refused ? error.reason : (REASONS[error.code] ?? PASSING)
      const message = error.hint === undefined ? error.message : `${error.message} (${error.hint})`
      return { kind: 'refused', reason, message: message.slice(0, LONGEST_MESSAGE), record }
    }
  }

  async #store(
    key: string,
    { metadata }: NetworkAgent,
    { title, code, active }: Wanted,
    records: readonly AgentRecord[],
    record: AgentRecord | undefined,
  ): Promise<AgentRecord> {
    const { store } = this.#options
    const source = sourceOfResource(metadata, hashOf(code))
    const by = `NetworkAgent ${metadata.namespace}/${metadata.name}`
    const other = records.find((each) => each.title === title && each.source?.path !== source.path)
    if (other !== undefined && title !== NEW_SCRIPT)
      throw new Refused(
        'Conflict',
        `agent ${other.index} of ${ownerOf(other)} has the title "${title}" already`,
      )
    if (record === undefined) {
      const created = await store.create({ title, code, active, source }, by)
      this.#note(key, metadata.generation)
      return created
    }
    if (this.#isTakenBack(key, metadata, record, source.hash)) return record
    const change = {
      ...(record.title === title ? {} : { title }),
      ...(record.hash === source.hash ? {} : { code }),
      ...(record.active === active ? {} : { active }),
      ...(record.source?.hash === source.hash ? {} : { source }),
    }
    if (Object.keys(change).length === 0) {
      this.#applied.set(key, metadata.generation)
      return record
    }
    const updated = await store.update(record.id, { ...change, ifVersion: record.version }, by)
    this.#note(key, metadata.generation)
    if (record.failure === undefined) return updated
    // Whatever was wrong with the version before is over.
    await store.setFailure(record.id, undefined)
    return { ...updated, failure: undefined }
  }

  #note(key: string, generation: number): void {
    this.#counts.applied++
    this.#applied.set(key, generation)
  }

  /** It did not load, and the version before runs on, until the resource says something else. */
  #isTakenBack(
    key: string,
    { generation }: NetworkAgent['metadata'],
    record: AgentRecord,
    hash: string,
  ): boolean {
    if (record.source?.hash !== hash) return false
    if (record.updatedBy !== REMORA && record.failure === undefined) return false
    const seen = this.#applied.get(key) ?? this.#statusOf(key)?.observedGeneration
    return seen === generation
  }

  /** Throws what keeps it from being an agent. */
  #wantedOf({ metadata, spec }: NetworkAgent): Wanted {
    const read = networkAgentSpec.safeParse(spec)
    if (!read.success) {
      const [issue] = read.error.issues
      throw new Refused(
        'Invalid',
        `spec${issue?.path.map((step) => `.${String(step)}`).join('')}: ${issue?.message}`,
      )
    }
    const { title: given, codeFrom, active } = read.data
    const code = read.data.code ?? this.#scriptOf(metadata.namespace, codeFrom?.configMapKeyRef)
    const title = plainTitle(given ?? agentTitle(code, `${metadata.name}.js`)).slice(0, LONGEST_TITLE)
    this.#options.check(code, title)
    return { title, code, active }
  }

  #scriptOf(namespace: string, ref: { name: string; key: string } = { name: '', key: '' }): string {
    const followed = this.#scripts.get(keyOf({ namespace, name: ref.name }))
    if (followed?.trouble !== undefined) throw new Refused('CodeNotReadable', followed.trouble)
    if (followed?.data === undefined)
      throw new Refused(
        followed?.isKnown === true ? 'CodeNotFound' : PASSING,
        followed?.isKnown === true
          ? `there is no config map ${namespace}/${ref.name}`
          : `config map ${namespace}/${ref.name} is not read yet`,
      )
    const code = followed.data[ref.key]
    if (code === undefined)
      throw new Refused('CodeNotFound', `config map ${namespace}/${ref.name} has no key ${ref.key}`)
    return code
  }

  /** Config maps that resources name are followed, and no others. */
  #followScripts(): void {
    const wanted = new Map<string, ResourceName>()
    for (const { metadata, spec } of this.#resources.values()) {
      const name = networkAgentSpec.safeParse(spec).data?.codeFrom?.configMapKeyRef.name
      const ref = { namespace: metadata.namespace, name: name ?? '' }
      if (name !== undefined) wanted.set(keyOf(ref), ref)
    }
    for (const [key, followed] of this.#scripts)
      if (!wanted.has(key)) {
        followed.stop.abort()
        this.#scripts.delete(key)
      }
    for (const [key, ref] of wanted)
      if (!this.#scripts.has(key)) {
        const followed: FollowedScript = { stop: new AbortController(), isKnown: false }
        this.#scripts.set(key, followed)
        void this.#followScript(ref, followed)
      }
  }

  async #followScript({ namespace, name }: ResourceName, followed: FollowedScript): Promise<void> {
    const signal = AbortSignal.any([followed.stop.signal, this.#closing.signal])
    const events = this.#options.client.watch(
      `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps`,
      {
        name,
        signal,
        onTrouble: ({ code, message }) => {
          const mend = 'give the hub the rights get and watch on it, in the chart by rbac.codeConfigMaps'
          followed.trouble = code === 'E_FORBIDDEN' ? `${message} (${mend})` : message
          this.#change()
        },
        // What is known may be as it was: then nothing more comes.
        onRecovered: () => {
          followed.trouble = undefined
          this.#change()
        },
      },
    )
    for await (const event of events) {
      const object = event.kind === 'all' ? event.objects[0] : event.object
      followed.isKnown = true
      followed.trouble = undefined
      followed.data =
        object === undefined || event.kind === 'delete'
          ? undefined
          : (z.record(z.string(), z.string()).safeParse(object.data ?? {}).data ?? {})
      this.#change()
    }
  }

  /** Of namespaces that are known, after a while. */
  async #deleteOrphans(records: readonly AgentRecord[]): Promise<void> {
    const { store, graceMs = GRACE_MS, note } = this.#options
    const orphans = records.filter((record) => {
      const resource = resourceOf(record)
      return (
        resource !== undefined && this.#known.has(resource.namespace) && !this.#resources.has(keyOf(resource))
      )
    })
    const ids = new Set(orphans.map(({ id }) => id))
    for (const id of this.#missing.keys()) if (!ids.has(id)) this.#missing.delete(id)
    for (const { id, title, version, source } of orphans) {
      const since = this.#missing.get(id) ?? this.#nowMs
      this.#missing.set(id, since)
      if (this.#nowMs - since < graceMs) continue
      await store.delete(id, source?.syncedBy ?? '', version)
      this.#missing.delete(id)
      note('info', 'an agent went with its NetworkAgent', { title, source: source?.path })
    }
  }

  async #tellAll(): Promise<void> {
    const nodes = named(this.#options.fleet.nodes())
    const states = statesByAgent(nodes)
    // Of several hubs one runs agents.
    const running = nodes.filter(({ component, leading }) => component === 'worker' || leading)
    const names = running.map(({ node }) => node)
    const nowMs = this.#nowMs
    let left = MOST_STATUSES
    for (const [key, outcome] of this.#outcomes) {
      const resource = this.#resources.get(key)
      if (resource === undefined || this.#closing.signal.aborted) continue
      const before = this.#statusOf(key)
      const status = statusOf({
        generation: resource.metadata.generation,
        outcome,
        states: states.get(outcome.record?.id ?? '') ?? [],
        nodes: names,
        before,
        nowMs,
      })
      const written = this.#written.get(key)
      if (isDeepStrictEqual(status, written?.status ?? withoutOthers(resource.status))) continue
      // What nodes say of it may change all the time.
      const isUrgent = !isDeepStrictEqual(conditionsOf(status), conditionsOf(written?.status))
      if (written !== undefined && !isUrgent && nowMs - written.atMs < SHORTEST_STATUS_MS) continue
      if (written?.hasFailed === true && nowMs - written.atMs < AFTER_FAILURE_MS) continue
      if (left-- === 0) return
      await this.#tell(key, resource.metadata, status)
    }
  }

  async #tell(key: string, name: ResourceName, status: object): Promise<void> {
    const { client } = this.#options
    const atMs = this.#nowMs
    try {
      await client.patch(`${pathOf(name)}/${encodeURIComponent(name.name)}/status`, { status })
      this.#counts.statuses++
      this.#said.delete(`status ${name.namespace}`)
      this.#written.set(key, { status, atMs, hasFailed: false })
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      if (error.code === 'E_NOT_FOUND') return
      this.#counts.failedStatuses++
      this.#written.set(key, { status: {}, atMs, hasFailed: true })
      this.#sayOnce(`status ${name.namespace}`, notTold(error, name.namespace))
    }
  }

  #statusOf(key: string) {
    const { status } = this.#resources.get(key) ?? {}
    return networkAgentStatus.safeParse(this.#written.get(key)?.status ?? status ?? {}).data
  }

  #sayOnce(what: string, { message, hint }: Mistake): void {
    if (this.#said.has(what)) return
    this.#said.add(what)
    this.#options.note('warning', message, hint === undefined ? {} : { hint })
  }

  /** Whatever goes wrong here ends nothing but this attempt; the same is said once, until it went well. */
  async #patiently(step: () => Promise<void>): Promise<void> {
    const { signal } = this.#closing
    let said = ''
    for (; !signal.aborted; await pause(AGAIN_MS, signal))
      try {
        await step()
        return
      } catch (error) {
        this.#isChanged = true
        // Somebody was faster.
        if (error instanceof Mistake && error.code === 'E_CONFLICT') continue
        const why = String(error)
        if (why !== said)
          this.#options.note(
            'warning',
            'NetworkAgents could not be brought into the store, and are tried again',
            {
              error: why,
            },
          )
        said = why
      }
  }
}

/** Why a resource is no agent, in a word of its conditions. */
class Refused extends Mistake {
  readonly reason: string
  constructor(reason: string, message: string) {
    super('E_REQUEST', message)
    this.reason = reason
  }
}

interface Wanted {
  readonly title: string
  readonly code: string
  readonly active: boolean
}

interface FollowedScript {
  readonly stop: AbortController
  isKnown: boolean
  data?: Readonly<Record<string, string>> | undefined
  trouble?: string | undefined
}

interface Written {
  readonly status: object
  readonly atMs: number
  readonly hasFailed: boolean
}

function pathOf({ namespace }: { readonly namespace: string }): string {
  const { group, version, plural } = NETWORK_AGENTS
  return `/apis/${group}/${version}/namespaces/${encodeURIComponent(namespace)}/${plural}`
}

function keyOf({ namespace, name }: ResourceName): string {
  return `${namespace}/${name}`
}

function ownerOf(record: AgentRecord): string {
  const resource = resourceOf(record)
  if (resource !== undefined) return `NetworkAgent ${keyOf(resource)}`
  return record.source === undefined ? record.updatedBy : `${record.source.path} (${record.source.syncedBy})`
}

function conditionsOf(status: object | undefined): unknown {
  const read = networkAgentStatus.safeParse(status).data
  return read?.conditions.map(({ type, status: value, reason }) => [type, value, reason])
}

/** What others may have put beside it does not count. */
function withoutOthers(status: unknown): unknown {
  if (typeof status !== 'object' || status === null) return undefined
  const { observedGeneration, agent, conditions, summary, nodes } = status as Record<string, unknown>
  return { observedGeneration, agent, conditions, summary, nodes }
}

function notFollowed(mistake: Mistake, namespace: string): Mistake {
  const { group, plural } = NETWORK_AGENTS
  const hint =
    mistake.code === 'E_NOT_FOUND'
      ? `The definition ${plural}.${group} is not installed: kubectl apply -f networkagents.yaml. Without it all else works.`
      : mistake.code === 'E_FORBIDDEN'
        ? `Give the service account of the hub the rights list and watch on ${plural} of API group ${group} in namespace ${namespace}.`
        : mistake.hint
  return new Mistake(
    mistake.code,
    `NetworkAgents of namespace ${namespace} are not followed: ${mistake.message}`,
    hint === undefined ? {} : { hint },
  )
}

function notTold(mistake: Mistake, namespace: string): Mistake {
  const { group, plural } = NETWORK_AGENTS
  const hint =
    mistake.code === 'E_FORBIDDEN'
      ? `Give the service account of the hub the right patch on ${plural}/status of API group ${group} in namespace ${namespace}.`
      : mistake.hint
  return new Mistake(
    mistake.code,
    `the status of NetworkAgents cannot be written: ${mistake.message}`,
    hint === undefined ? {} : { hint },
  )
}

/** May pass by itself, and is tried again. */
const PASSING = 'NotStoredYet'
const REASONS: Readonly<Partial<Record<Mistake['code'], string>>> = {
  E_AGENT_SYNTAX: 'SyntaxError',
  E_TOO_LARGE: 'TooLarge',
}
/** Who takes versions back that do not load. */
const REMORA = 'remora'
const GRACE_MS = 10_000
const AGAIN_MS = 5000
const SHORTEST_ROUND_MS = 500
const SHORTEST_STATUS_MS = 10_000
const AFTER_FAILURE_MS = 60_000
/** In one round. */
const MOST_STATUSES = 50
const MOST_RESOURCES = 5000
const LONGEST_MESSAGE = 2000
