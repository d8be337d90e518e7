import { createHash } from 'node:crypto'
import { Mistake } from '../mistake/mistake.ts'

/** A client of a service, with its connections. */
export interface KeptClient<Client> {
  readonly client: Client
  /** False when it is of no use any more, though no call has failed: its connection is lost. Absent: nobody can tell. */
  isOpen?(): boolean
  /** Must not reject, and not take long. */
  close(): Promise<void>
}

/**
 * Clients that are kept from call to call, where connections take long to make: message brokers, and receivers that
 * speak gRPC. One is closed when nobody has used it for a while, when a call fails with it, when there are too many, and at the
 * end.
 */
export class KeptClients {
  readonly #entries = new Map<string, Entry>()
  readonly #most: number
  readonly #idleMs: number

  constructor({ most = MOST_CLIENTS, idleMs = IDLE_MS }: { most?: number; idleMs?: number } = {}) {
    this.#most = most
    this.#idleMs = idleMs
  }

  /**
   * Hands the client of this key to `use`; several may use it at once. What the key is made of may be secret. Throws what
   * `open` or `use` throws; then others that use the client go on, and the next call opens another one.
   */
  async with<Client, Answer>(
    key: readonly unknown[],
    open: () => Promise<KeptClient<Client>>,
    use: (client: Client) => Promise<Answer>,
  ): Promise<Answer> {
    const name = createHash('sha256').update(JSON.stringify(key)).digest('base64')
    const entry = this.#openEntry(name) ?? this.#open(name, open)
    entry.users++
    clearTimeout(entry.idle)
    try {
      // One key, one kind of client.
      entry.kept = await entry.opened
      return await use(entry.kept.client as Client)
    } catch (error) {
      this.#forget(name, entry)
      throw error
    } finally {
      entry.users--
      if (entry.users === 0) this.#rest(name, entry)
    }
  }

  async close(): Promise<void> {
    const entries = [...this.#entries.values()]
    this.#entries.clear()
    await Promise.all(entries.map(closeOf))
  }

  #open(name: string, open: () => Promise<KeptClient<unknown>>): Entry {
    if (this.#entries.size >= this.#most) this.#makeRoom()
    const entry: Entry = { opened: open(), kept: undefined, users: 0, idle: undefined }
    this.#entries.set(name, entry)
    return entry
  }

  /** The one that is kept, if it is of use. */
  #openEntry(name: string): Entry | undefined {
    const entry = this.#entries.get(name)
    if (entry?.kept?.isOpen?.() !== false) return entry
    this.#forget(name, entry)
    if (entry.users === 0) void closeOf(entry)
    return undefined
  }

  #makeRoom(): void {
    const idle = [...this.#entries].find(([, { users }]) => users === 0)
    if (idle === undefined)
      throw new Mistake('E_HELPER_REFUSED', `agents are using ${this.#most} connections already`, {
        hint: 'Send to fewer places, or by way of the outbox.',
      })
    const [name, entry] = idle
    this.#forget(name, entry)
    void closeOf(entry)
  }

  #forget(name: string, entry: Entry): void {
    if (this.#entries.get(name) === entry) this.#entries.delete(name)
  }

  /** Nobody uses it any more. */
  #rest(name: string, entry: Entry): void {
    if (this.#entries.get(name) !== entry) {
      void closeOf(entry)
      return
    }
    // Those that were used last are the last to go.
    this.#entries.delete(name)
    this.#entries.set(name, entry)
    entry.idle = setTimeout(() => {
      this.#forget(name, entry)
      void closeOf(entry)
    }, this.#idleMs).unref()
  }
}

interface Entry {
  readonly opened: Promise<KeptClient<unknown>>
  kept: KeptClient<unknown> | undefined
  users: number
  idle: NodeJS.Timeout | undefined
}

async function closeOf({ opened, idle }: Entry): Promise<void> {
  clearTimeout(idle)
  const kept = await opened.catch(() => undefined)
  await kept?.close()
}

const MOST_CLIENTS = 64
const IDLE_MS = 60_000
