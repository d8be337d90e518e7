import { createHash } from 'node:crypto'
import type { Bucket, Bus } from '../../bus/bus.ts'
import { msOf } from '../../config/quantities.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { Note } from '../../node/note.ts'
import { isWholeWorld } from '../../policy/host-rule.ts'
import type { NetworkPolicy } from '../../policy/network-policy.ts'
import { type PolicyRule, readRule, readRules, ruleInWords } from '../../policy/rule.ts'
import { suggest } from '../../policy/suggest.ts'
import { pause } from '../../waiting/pause.ts'
import { decode, encode } from '../../wire/codec.ts'
import {
  POLICY_PREFIX,
  type PolicyApplied,
  type PolicyCaller,
  type PolicyList,
  type PolicyOrder,
  type PolicyPreview,
  type PolicyRecord,
  type PolicyRemoved,
  type PolicySuggestion,
  policyKey,
  policyOrder,
  policyRecord,
} from '../../wire/policies.ts'
import { SUBJECTS } from '../../wire/subjects.ts'
import { blockedPod, type Enforcement, type PoliciesInForce } from './enforcement.ts'
import type { History } from './history.ts'
import { labeller, type NamespaceLabels, needsNamespaces, previewOf } from './preview.ts'

export interface PolicyDeskOptions {
  readonly bus: Pick<Bus, 'respond' | 'mostBytes'>
  /** `BUCKETS.policies` */
  readonly bucket: Bucket
  readonly enforcement: Enforcement
  readonly history: Pick<History, 'flows' | 'requests'>
  readonly inForce: () => Promise<PoliciesInForce>
  readonly namespaceLabels: () => Promise<NamespaceLabels>
  /** `scripting.allowEnforcement` */
  readonly isAllowed: boolean
  readonly ttlMs: number
  readonly maxTtlMs: number
  readonly maxPolicies: number
  /** Begins the names of policies. */
  readonly release: string
  /** Identities of the agents that are active. */
  readonly activeAgents: () => Promise<ReadonlySet<string>>
  /** Writes a line on the console of an agent. */
  readonly tell: (agent: Pick<PolicyCaller, 'agent' | 'title' | 'index'>, text: string) => void
  readonly note: Note
  readonly now?: () => number
  /** Called when it is closed. */
  readonly ended?: () => void
}

/**
 * The policies that agents have put in force, while its hub leads. What there is lies in a bucket, so that the hub that leads
 * next goes on with it: it takes back what is over, what belongs to agents that are active no more, and everything when
 * enforcement is switched off.
 */
export class PolicyDesk {
  readonly #options: PolicyDeskOptions
  readonly #now: () => number
  readonly #known = new Map<string, PolicyRecord>()
  readonly #respond: () => void
  readonly #timer: NodeJS.Timeout
  /** One change after another. */
  #changing: Promise<unknown> = Promise.resolve()
  #isLoaded = false
  #lookedAt = Number.NEGATIVE_INFINITY
  #trouble = ''
  /** Of policies that could not be lifted: when that was tried. */
  readonly #stuck = new Map<string, number>()
  /** Enforcement is off, and there is nothing left that was in force before. */
  #isClean = false
  readonly counters = { applied: 0, refused: 0, expired: 0, malformed: 0 }

  constructor(options: PolicyDeskOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#respond = options.bus.respond(SUBJECTS.policies, (payload) => this.#answer(payload))
    this.#timer = setInterval(() => {
      // Without the bus there is nothing to look at: the next sweep tries again.
      this.sweep().catch((error: unknown) => {
        if (error instanceof Mistake && error.code === 'E_BUS') return
        options.note('warning', 'policies could not be looked at', { error: String(error) })
      })
    }, SWEEP_MS).unref()
  }

  /** An agent is active nowhere any more: what it has put in force is taken back. */
  retired(agent: string): Promise<void> {
    return this.#inTurn(() =>
      this.#patiently(() => this.#undoAll((record) => (record.agent === agent ? RETIRED : undefined))),
    )
  }

  /** Takes back what is over, and from time to time looks at what is in force. By itself once a second. */
  async sweep(): Promise<void> {
    if (this.#isSweeping) return
    this.#isSweeping = true
    try {
      await this.#inTurn(() => this.#patiently(() => this.#sweepNow()))
    } finally {
      this.#isSweeping = false
    }
  }
  #isSweeping = false

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#respond()
    await atMost(this.#changing, CLOSE_MS)
    this.#options.ended?.()
  }

  async #answer(payload: Uint8Array): Promise<Uint8Array> {
    const order = decode(policyOrder, payload)
    if (order === undefined) {
      this.counters.malformed++
      throw new Mistake('E_REQUEST', 'this is no order about policies')
    }
    const answer = encode(await this.#obey(order))
    if (answer.length <= this.#options.bus.mostBytes) return answer
    throw new Mistake('E_TOO_LARGE', 'the answer is longer than a message may be', {
      hint: 'Ask for a shorter time, or for less traffic by a filter.',
    })
  }

  #obey(order: ReturnType<typeof policyOrder.parse>): Promise<unknown> {
    switch (order.ask) {
      case 'apply':
        return this.#inTurn(() => this.#apply(order))
      case 'remove':
        return this.#inTurn(() => this.#remove(order.name, order.by))
      case 'unblock':
        return this.#inTurn(() => this.#unblock(order))
      case 'list':
        return this.#list()
      case 'preview':
        return this.#preview(order.rule, msOf(order.window))
      case 'suggest':
        return this.#suggest(order.filter, msOf(order.window))
    }
  }

  async #apply(
    order: Extract<ReturnType<typeof policyOrder.parse>, { ask: 'apply' }>,
  ): Promise<PolicyApplied> {
    const { enforcement, isAllowed, tell } = this.#options
    if (!isAllowed) return { applied: false, text: DISABLED, name: '', expires: '', notes: [] }
    try {
      const rule = readRule(order.rule)
      const record = this.#recordOf(order, rule)
      const before = this.#known.get(record.name)
      // Scripts that apply the same for each of many requests are not to write it as often.
      if (before !== undefined && isNearlySame(before, record)) {
        this.counters.applied++
        return applied(before, [])
      }
      await enforcement.check(rule)
      const { notes, ...kept } = await enforcement.enforce(record, rule)
      await this.#keep({ ...record, ...kept })
      this.counters.applied++
      const answer = applied(record, notes)
      const why = record.reason === '' ? '' : `: ${record.reason}`
      tell(callerIn(record), [`policy: ${answer.text}${why}`, ...notes].join('; '))
      return answer
    } catch (error) {
      this.counters.refused++
      throw error
    }
  }

  /** The same rule of the same agent is the same policy: who applies it again only makes it last longer. */
  #recordOf(
    { rule: text, ttl, reason, nodes, by }: Extract<PolicyOrder, { ask: 'apply' }>,
    rule: PolicyRule,
  ): PolicyRecord {
    const { release, maxTtlMs } = this.#options
    if (rule.kind === 'host' && isWholeWorld(rule.rule) && ttl === undefined)
      throw new Mistake('E_POLICY', 'a rule about the whole world needs a ttl', {
        hint: "Such as ttl: '10m'.",
      })
    const lasting = ttl === undefined ? Math.min(this.#options.ttlMs, maxTtlMs) : msOf(ttl)
    if (lasting < 1000) throw new Mistake('E_POLICY', 'a policy lasts a second at least')
    if (lasting > maxTtlMs)
      throw new Mistake('E_POLICY', `a policy may last ${maxTtlMs / 1000} seconds at most`, {
        hint: 'Give it a shorter ttl, or set scripting.enforcement.maxTtl.',
      })
    const name = `${release}-${digest(by.agent, JSON.stringify(text), JSON.stringify(nodes ?? []))}`
    const before = this.#known.get(name)
    if (before === undefined) this.#requireRoom(by)
    const now = this.#now()
    return {
      name,
      kind: rule.kind,
      summary: ruleInWords(rule),
      rule: text,
      namespace: namespaceOf(rule),
      agent: by.agent,
      agentTitle: by.title,
      agentIndex: by.index ?? 0,
      node: by.node,
      reason: reason ?? '',
      ...(nodes === undefined ? {} : { nodes }),
      appliedAt: before?.appliedAt ?? now,
      expiresAt: now + lasting,
      changed: false,
      owner: '',
      fingerprint: '',
    }
  }

  /** One agent leaves room for others. */
  #requireRoom({ agent, title }: Pick<PolicyCaller, 'agent' | 'title'>): void {
    const { maxPolicies } = this.#options
    const share = Math.ceil(maxPolicies / 2)
    const own = [...this.#known.values()].filter((each) => each.agent === agent).length
    const hint = 'Remove some, or set scripting.enforcement.maxPolicies.'
    if (this.#known.size >= maxPolicies)
      throw new Mistake('E_POLICY', `${maxPolicies} policies are in force, as many as there may be`, { hint })
    if (own >= share)
      throw new Mistake('E_POLICY', `${title} has put ${own} policies in force, as many as an agent may`, {
        hint,
      })
  }

  async #remove(name: string, by: PolicyCaller): Promise<PolicyRemoved> {
    const record = this.#known.get(name)
    if (record === undefined)
      throw new Mistake('E_NOT_FOUND', `there is no policy ${name}`, {
        hint: 'policy.list() has those in force.',
      })
    const done = await this.#undo(record, `removed by ${by.title}`)
    return { removed: true, text: `${record.summary} ${done}` }
  }

  async #unblock({ pod, namespace, by }: Extract<PolicyOrder, { ask: 'unblock' }>): Promise<PolicyRemoved> {
    if (!this.#options.isAllowed) return { removed: false, text: DISABLED }
    const own = [...this.#known.values()].filter(
      (record) => record.namespace === namespace && blockedPod(record) === pod,
    )
    for (const record of own) await this.#undo(record, `removed by ${by.title}`)
    const text =
      own.length === 0 ? `${namespace}/${pod} is not blocked` : `${namespace}/${pod} is not blocked any more`
    return { removed: own.length > 0, text }
  }

  async #list(): Promise<PolicyList> {
    const { enforcement, isAllowed } = this.#options
    // What is counted is that of now.
    if (this.#now() - this.#lookedAt > FRESH_MS) this.#lookedAt = Number.NEGATIVE_INFINITY
    // Where nobody answers, such as the API server, what is known is told all the same.
    await this.#load()
    const looked = this.#inTurn(() => this.#patiently(() => this.#sweepNow()))
    looked.catch(() => {}) // The next sweep says so.
    await atMost(looked, LIST_MS)
    const now = this.#now()
    const policies = [...this.#known.values()]
      .sort((one, other) => one.expiresAt - other.expiresAt)
      .map(({ owner: _owner, fingerprint: _fingerprint, ...record }) => {
        const workers = [...enforcement.workers(record.name)]
        const sum = (key: 'packets' | 'bytes') => workers.reduce((all, each) => all + each[key], 0)
        const cut = record.kind === 'host' ? { packets: sum('packets'), bytes: sum('bytes') } : null
        return { ...record, remainingMs: Math.max(0, record.expiresAt - now), cut, workers }
      })
    return { enabled: isAllowed, place: enforcement.place, policies }
  }

  async #preview(text: PolicyRecord['rule'], windowMs: number): Promise<PolicyPreview> {
    const { history } = this.#options
    const added = readRules(text)
    const since = this.#now() - windowMs
    const notes: string[] = []
    const isAboutPods = added.some(({ kind }) => kind !== 'host')
    const policies = isAboutPods ? await this.#policiesInForce(notes) : []
    const written = added.flatMap((each) => (each.kind === 'network' ? [each.policy] : []))
    const namespaces = await this.#namespacesFor([...policies, ...written], notes)
    const rules = [...this.#known.values()].flatMap((record) => {
      const known = record.kind === 'host' ? readRule(record.rule) : undefined
      return known?.kind === 'host' ? [known.rule] : []
    })
    const [flows, requests] = await Promise.all([
      history.flows(since),
      history.requests('', since, AbortSignal.timeout(LOOK_BACK_MS)),
    ])
    const labelled = labeller(namespaces)
    const preview = await previewOf(
      added,
      { policies, rules },
      {
        flows: { ...flows, all: flows.all.map((each) => labelled(each)) },
        requests: { ...requests, all: requests.all.map((each) => labelled(each)) },
      },
    )
    return {
      ...preview,
      notes: [...notes, ...preview.notes],
      complete: preview.complete && notes.length === 0,
    }
  }

  async #policiesInForce(notes: string[]): Promise<readonly NetworkPolicy[]> {
    const { policies, unread } = await this.#options.inForce().catch((error: unknown) => {
      if (!(error instanceof Mistake)) throw error
      notes.push(`without the policies that are in force: ${error.message}`)
      return { policies: [], unread: 0 }
    })
    if (unread > 0) notes.push(`policies in force that cannot be read, and are left out: ${unread}`)
    return policies
  }

  /** Labels of namespaces, where policies ask for them. */
  async #namespacesFor(policies: readonly NetworkPolicy[], notes: string[]): Promise<NamespaceLabels> {
    if (!policies.some(needsNamespaces)) return new Map()
    return this.#options.namespaceLabels().catch((error: unknown) => {
      if (!(error instanceof Mistake)) throw error
      const known = 'of namespaces only the label kubernetes.io/metadata.name is known'
      notes.push(`${known}, others count as missing: ${error.message}`)
      return new Map()
    })
  }

  async #suggest(filter: string, windowMs: number): Promise<PolicySuggestion> {
    const { history, enforcement } = this.#options
    const since = this.#now() - windowMs
    const seen =
      filter.trim() === ''
        ? await history.flows(since)
        : await history.requests(filter, since, AbortSignal.timeout(LOOK_BACK_MS))
    const { policies, rules, notes } = suggest(seen.all)
    return {
      from: seen.from,
      to: this.#now(),
      complete: seen.isComplete,
      notes: [...seen.notes, ...notes],
      flows: seen.all.length,
      policies: [...policies],
      rules: enforcement.place === 'hosts' ? [...rules] : [],
    }
  }

  /** What an earlier hub has kept. */
  async #load(): Promise<void> {
    if (this.#isLoaded) return
    const { bucket } = this.#options
    for (const key of await bucket.keys(POLICY_PREFIX)) {
      const kept = await bucket.get(key)
      const record = kept === undefined ? undefined : decode(policyRecord, kept.value)
      if (record === undefined) this.counters.malformed++
      else this.#known.set(record.name, record)
    }
    this.#isLoaded = true
  }

  async #sweepNow(): Promise<void> {
    const { isAllowed } = this.#options
    if (!isAllowed) return this.#clean()
    await this.#undoAll(({ expiresAt }) => (expiresAt <= this.#now() ? TIME_IS_UP : undefined))
    if (this.#isSoonAfter(this.#lookedAt)) return
    this.#lookedAt = this.#now()
    await this.#look()
  }

  /** Takes back all, also what is in force and stands in no record. */
  async #clean(): Promise<void> {
    const all = () => SWITCHED_OFF
    await this.#undoAll(all)
    if (this.#isClean || this.#isSoonAfter(this.#lookedAt)) return
    this.#lookedAt = this.#now()
    const { adopted } = await this.#options.enforcement.look([]).catch((error: unknown) => {
      // Who has never been allowed to put anything in force has no right to look for it either.
      if (error instanceof Mistake && error.code === 'E_POLICY') return { adopted: [] }
      throw error
    })
    this.#isClean = true
    for (const record of adopted) await this.#keep(record)
    await this.#undoAll(all)
  }

  /** Also when the clock was set back. */
  #isSoonAfter(time: number): boolean {
    return this.#now() - time < LOOK_MS && this.#now() >= time
  }

  async #look(): Promise<void> {
    const { enforcement, activeAgents, tell, note } = this.#options
    const active = await activeAgents()
    await this.#undoAll(({ agent }) => (agent === '' || active.has(agent) ? undefined : RETIRED))
    const { gone, changed, adopted, owners } = await enforcement.look([...this.#known.values()])
    for (const record of adopted) {
      await this.#keep(record)
      note('warning', 'a policy of an earlier hub was found', { policy: record.name })
    }
    for (const [name, owner] of owners) {
      const record = this.#known.get(name)
      if (record !== undefined) await this.#keep({ ...record, owner })
    }
    await this.#undoAll(({ name, owner }) => {
      if (!gone.includes(name)) return undefined
      return owner === '' ? 'somebody has removed it' : 'somebody has removed it, or the role that owned it'
    })
    for (const name of changed) {
      const record = this.#known.get(name)
      if (record === undefined) continue
      await this.#keep({ ...record, changed: true })
      tell(callerIn(record), `policy: somebody has changed ${name}; it stays so until its time is up`)
      note('warning', 'somebody has changed a policy', { policy: name })
    }
  }

  /** Takes back those for which there is a reason. What fails keeps no other from going. */
  async #undoAll(why: (record: PolicyRecord) => string | undefined): Promise<void> {
    let failure: unknown
    for (const record of [...this.#known.values()]) {
      const reason = why(record)
      if (reason === undefined) continue
      const tried = this.#stuck.get(record.name)
      if (tried !== undefined && this.#isSoonAfter(tried)) continue
      try {
        await this.#undo(record, reason)
        if (reason === TIME_IS_UP) this.counters.expired++
      } catch (error) {
        this.#stuck.set(record.name, this.#now())
        failure = error
      }
    }
    if (failure !== undefined) throw failure
  }

  /** What cannot be done now is told once, and tried again later. */
  async #patiently(work: () => Promise<void>): Promise<void> {
    try {
      await work()
      if (this.#stuck.size === 0) this.#trouble = ''
    } catch (error) {
      const why =
        error instanceof Mistake
          ? `${error.message}${error.hint === undefined ? '' : ` ${error.hint}`}`
          : String(error)
      if (why !== this.#trouble)
        this.#options.note('warning', 'policies cannot be looked after', { error: why })
      this.#trouble = why
    }
  }

  /** Answers what has become of it. */
  async #undo(record: PolicyRecord, why: string): Promise<string> {
    const { enforcement, bucket, tell, note } = this.#options
    const others = [...this.#known.values()].filter(({ name }) => name !== record.name)
    const by = await enforcement.lift(record, others)
    await bucket.delete(policyKey(record.name))
    this.#known.delete(record.name)
    this.#stuck.delete(record.name)
    const done = by === 'we' ? 'is lifted' : `goes with the role ${record.owner}`
    tell(callerIn(record), `policy: ${record.summary} (${record.name}) ${done}: ${why}`)
    const what = by === 'we' ? 'a policy was lifted' : 'a policy was left to the role that owns it'
    note('info', what, { policy: record.name, why })
    return done
  }

  async #keep(record: PolicyRecord): Promise<void> {
    await this.#options.bucket.put(policyKey(record.name), encode(record))
    this.#known.set(record.name, record)
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#changing.then(async () => {
      await this.#load()
      return work()
    })
    this.#changing = done.catch(() => {}) // Whoever asked for it hears of it.
    return done
  }
}

/** Waits for it, but not for ever. */
async function atMost(work: Promise<unknown>, ms: number): Promise<void> {
  const over = new AbortController()
  try {
    await Promise.race([work, pause(ms, over.signal)])
  } finally {
    over.abort()
  }
}

function applied({ name, summary, expiresAt }: PolicyRecord, notes: readonly string[]): PolicyApplied {
  const expires = new Date(expiresAt).toISOString()
  const text = `${summary} is in force as ${name} until ${expires}`
  return { applied: true, text, name, expires, notes: [...notes] }
}

/** Whether a policy that is in force lasts as long as it would if it was applied again, to the second. */
function isNearlySame(before: PolicyRecord, { expiresAt, reason }: PolicyRecord): boolean {
  return !before.changed && before.reason === reason && Math.abs(expiresAt - before.expiresAt) < 1000
}

function namespaceOf(rule: PolicyRule): string {
  if (rule.kind === 'host') return ''
  return rule.kind === 'pod' ? rule.namespace : rule.policy.metadata.namespace
}

function callerIn({ agent, agentTitle, agentIndex }: PolicyRecord) {
  return { agent, title: agentTitle, index: agentIndex }
}

function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 12)
}

/** What scripts print. */
const DISABLED = 'blocking is disabled'
const TIME_IS_UP = 'its time is up'
const RETIRED = 'its agent is active no more'
const SWITCHED_OFF = 'enforcement is switched off'
const SWEEP_MS = 1000
const LOOK_MS = 10_000
const FRESH_MS = 1000
const LIST_MS = 2000
const CLOSE_MS = 5000
const LOOK_BACK_MS = 30_000
