import { z } from 'zod'
import type { Config } from '../config/index.ts'
import { bytesOf, msOf } from '../config/quantities.ts'
import { PartlyFailed, retryOf } from '../helpers/answer.ts'
import type { DispatchOptions } from '../helpers/dispatch.ts'
import type { Grants } from '../helpers/grants.ts'
import type { HelperHost } from '../helpers/helper.ts'
import { namespaces } from '../helpers/index.ts'
import { batchLimits, type KeptCall, leavesSomething, prepareCall, settleCall } from '../helpers/queued.ts'
import { Secrets } from '../helpers/secrets.ts'
import { StoredSecrets } from '../helpers/stored-secrets.ts'
import type { Caller, Lane, NewCall, WaitingCall } from '../outbox/call.ts'
import { Outbox } from '../outbox/outbox.ts'
import { isThere } from '../outbox/store.ts'
import type { OutboxFigures } from '../wire/outbox.ts'

export interface QueuedCallsOptions {
  /** Where they are kept: of this program alone. */
  readonly folder: string
  readonly scripting: Pick<Config['scripting'], 'env' | 'outbox'>
  /** What the helper may touch when nobody waits for it. */
  readonly hostOf: (agent: HelperHost['agent']) => Promise<HelperHost>
  readonly send: (delivery: CallDelivery) => Promise<void>
  /** A call was given up. */
  readonly died: (call: DeadCall) => void
  /** Told what goes wrong with the disk. */
  readonly report: (text: string) => void
}

/** Calls of one agent and helper with one key, oldest first. */
export interface CallDelivery {
  /** With what its header held it to when it made them. */
  readonly agent: HelperHost['agent'] & { readonly grants?: Grants }
  readonly path: string
  readonly calls: readonly KeptCall[]
  /** The program ends. */
  readonly ending: AbortSignal
}

/** A call that was given up. */
interface DeadCall extends Pick<CallDelivery, 'agent' | 'path'> {
  readonly id: string
  readonly key: string
  readonly reason: string
}

interface ComingCall {
  readonly call: NewCall
  resolve(id: string): void
  reject(error: unknown): void
}

/** A script queues a call. */
export interface QueuingCall {
  /** Of the agent. */
  readonly identity: string
  readonly path: string
  readonly args: readonly unknown[]
  readonly nowMs: number
  readonly entry?: string
  /** What the header of the script holds it to. */
  readonly grants?: Grants | undefined
}

/** Calls of helpers for which no script waits. They are on disk, where no secret is in the clear, until they have arrived. */
export class QueuedCalls {
  readonly #options: QueuedCallsOptions
  readonly #stored: StoredSecrets
  readonly #secrets: Secrets
  #outbox: Outbox | undefined

  /** What is there of an earlier run is sent from now on. */
  constructor(options: QueuedCallsOptions) {
    this.#options = options
    this.#stored = new StoredSecrets(options.scripting.env)
    this.#secrets = new Secrets(options.scripting.env)
    if (!isThere(options.folder)) return
    try {
      this.#open()
    } catch (error) {
      options.report(`queued calls of earlier runs are not sent: ${(error as Error).message}`)
    }
  }

  /** Undefined until something was queued. */
  get outbox(): Outbox | undefined {
    return this.#outbox
  }

  figures(): OutboxFigures[] {
    return this.#outbox?.figures() ?? []
  }

  /** When it resolves the call is safe. Answers its id. Throws a Mistake for the script. */
  async push(
    { identity, path, args, nowMs, entry, grants }: QueuingCall,
    host: HelperHost,
    permit: NonNullable<DispatchOptions['permit']>,
  ): Promise<string> {
    const { title, index, id, version } = host.agent
    const kept = grants === undefined ? undefined : keptText(grants)
    const prepared = await prepareCall(namespaces, path, args, host, permit)
    try {
      return await this.#keep({
        ...{ agent: identity, title, index, path, at: nowMs },
        ...(id === undefined ? {} : { id }),
        ...(version === undefined ? {} : { version }),
        ...(entry === undefined ? {} : { entry }),
        ...(kept === undefined ? {} : { grants: kept }),
        key: this.#secrets.masked(prepared.key),
        args: this.#stored.marked(JSON.stringify(prepared.args)),
      })
    } catch (error) {
      await prepared.undo()
      throw error
    }
  }

  /** With all that come at the same moment, in their order. */
  #keep(call: NewCall): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#coming.push({ call, resolve, reject })
      // After all promises that can go on now.
      if (this.#coming.length === 1) process.nextTick(() => this.#keepAll())
    })
  }
  #coming: ComingCall[] = []

  #keepAll(): void {
    const coming = this.#coming
    this.#coming = []
    try {
      const answers = this.#open().pushAll(coming.map(({ call }) => call))
      for (const [at, answer] of answers.entries()) {
        const { resolve, reject } = coming[at] as ComingCall
        if (answer.status === 'fulfilled') resolve(answer.value)
        else reject(answer.reason)
      }
    } catch (error) {
      for (const { reject } of coming) reject(error)
    }
  }

  async close(): Promise<void> {
    await this.#outbox?.close()
  }

  #open(): Outbox {
    const { folder, scripting, report } = this.#options
    const { maxSize, whenFull, maxAge, attempts } = scripting.outbox
    this.#outbox ??= new Outbox({
      folder,
      maxBytes: bytesOf(maxSize),
      whenFull,
      maxAgeMs: msOf(maxAge),
      mostAttempts: attempts,
      report,
      delivery: {
        limits: (path) => batchLimits(namespaces, path),
        send: (lane, calls, signal) => this.#send(lane, calls, signal),
        retryOf,
        failuresOf: (error) => (error instanceof PartlyFailed ? error.failures : undefined),
        died: (lane, id, reason) =>
          this.#options.died({ agent: agentOf(lane), path: lane.path, key: lane.key, id, reason }),
        leavesSomething: (path) => leavesSomething(namespaces, path),
        gone: (caller, args) => {
          this.#settle(caller, args).catch((error: unknown) =>
            report(`a queued call has left something: ${error}`),
          )
        },
      },
    })
    return this.#outbox
  }

  #send(lane: Lane, calls: readonly WaitingCall[], ending: AbortSignal): Promise<void> {
    const { path } = lane
    const kept = calls.map(({ id, at, args }) => ({ id, at, args: () => this.#argsOf(args, path) }))
    const last = calls.at(-1)
    const grants = last?.grants === undefined ? {} : { grants: grantsOf(last.grants) }
    const agent = { ...agentOf(lane, last?.version), ...grants }
    return this.#options.send({ agent, path, calls: kept, ending })
  }

  #argsOf(json: string, path: string): readonly unknown[] {
    const args: unknown = JSON.parse(this.#stored.filled(json, path))
    return Array.isArray(args) ? args : []
  }

  async #settle(caller: Caller, args: string): Promise<void> {
    const host = await this.#options.hostOf(agentOf(caller))
    await settleCall(namespaces, caller.path, this.#argsOf(args, caller.path), host)
  }
}

/** As the helper knows it. */
function agentOf({ title, index, id }: Caller, version?: number): HelperHost['agent'] {
  return { title, index, ...(id === undefined ? {} : { id }), ...(version === undefined ? {} : { version }) }
}

/** Rates have been passed when a call is kept. Undefined for what holds to nothing else. */
function keptText({ rates: _, ...lists }: Grants): string | undefined {
  return Object.values(lists).some((list) => list !== undefined) ? JSON.stringify(lists) : undefined
}

function grantsOf(text: string): Grants {
  return keptGrants.parse(JSON.parse(text))
}

const names = z.array(z.string()).optional()
const keptGrants = z.object({ hosts: names, buckets: names, paths: names, helpers: names })
