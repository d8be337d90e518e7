import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { KubernetesAccess } from '../../kubernetes/access.ts'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import { connectToPod } from '../../kubernetes/port-forward.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { pause } from '../../waiting/pause.ts'
import { type HubPod, hubPods, type ReleaseChoice } from './hub-pods.ts'

/**
 * A port of this machine, on the loopback alone, whose connections reach a hub in a cluster through the API server: each one a
 * pod of it that is ready. When that goes away, as in a rolling upgrade, connections break, and the next ones reach
 * another.
 */
export class HubForward {
  readonly #access: KubernetesAccess
  readonly #client: KubernetesClient
  readonly #choice: ReleaseChoice
  readonly #server: Server
  readonly #closed = new AbortController()
  readonly #open = new Set<Promise<void>>()
  #pod: HubPod | undefined
  /** The connection that has shown that it can be done: the first one takes it. */
  #first: Duplex | undefined
  #trouble: Mistake | undefined
  /** There was such a hub: when it is not there, it may come back. */
  #wasThere = false

  /** Rejects with what a person has to know when there is no hub, or no right to reach it. */
  static async open(
    access: KubernetesAccess,
    client: KubernetesClient,
    choice: ReleaseChoice,
  ): Promise<HubForward> {
    const forward = new HubForward(access, client, choice)
    try {
      forward.#first = await forward.#dial()
      forward.#server.listen(0, '127.0.0.1')
      await once(forward.#server, 'listening')
      return forward
    } catch (error) {
      await forward.close()
      throw error
    }
  }

  private constructor(access: KubernetesAccess, client: KubernetesClient, choice: ReleaseChoice) {
    this.#access = access
    this.#client = client
    this.#choice = choice
    this.#server = createServer({ allowHalfOpen: false }, (socket) => {
      const carried = this.#carry(socket)
      this.#open.add(carried)
      void carried.finally(() => this.#open.delete(carried))
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get release(): string {
    return this.#pod?.release ?? this.#choice.release ?? ''
  }

  /** Why the hub could not be reached the last time; undefined when it could. */
  get trouble(): Mistake | undefined {
    return this.#trouble
  }

  async close(): Promise<void> {
    this.#closed.abort()
    this.#first?.destroy()
    this.#server.close()
    await Promise.all(this.#open)
  }

  async #carry(socket: Socket): Promise<void> {
    const stop = () => socket.destroy()
    this.#closed.signal.addEventListener('abort', stop, { once: true })
    const isOver = once(socket, 'close')
    socket.on('error', () => {})
    try {
      const first = this.#first
      this.#first = undefined
      const pod = first?.destroyed === false ? first : await this.#dial()
      pod.on('error', (error) => {
        this.#note(error)
        socket.destroy()
      })
      // What it has sent last is still to arrive.
      pod.on('close', () => socket.end())
      socket.on('close', () => pod.destroy())
      socket.pipe(pod).pipe(socket)
      await isOver
    } catch (error) {
      // Who has connected sees that it is over, and asks why.
      this.#note(error)
    } finally {
      socket.destroy()
      this.#closed.signal.removeEventListener('abort', stop)
    }
  }

  #note(error: unknown): void {
    if (error instanceof Mistake) this.#trouble = error
  }

  /** A connection to a pod that is ready, which is waited for where there is a hub: the next one may be starting. */
  async #dial(): Promise<Duplex> {
    const { signal } = this.#closed
    for (const giveUpAt = Date.now() + PATIENCE_MS; ; ) {
      try {
        const pod = this.#pod ?? (await this.#readyPod())
        this.#pod = pod
        const { namespace, name, port } = pod
        const stream = await connectToPod(this.#access, { namespace, pod: name, port }, signal)
        this.#trouble = undefined
        // The next connection looks whether it is still there.
        stream.once('close', () => {
          if (this.#pod === pod) this.#pod = undefined
        })
        return stream
      } catch (error) {
        this.#pod = undefined
        if (!(error instanceof Mistake)) throw error
        if (error.code === 'E_FORBIDDEN') throw withRight(error, this.#choice.namespace)
        const isPassing = this.#wasThere && PASSING.has(error.code)
        if (!isPassing || signal.aborted || Date.now() > giveUpAt) throw error
        await pause(AGAIN_MS, signal)
      }
    }
  }

  async #readyPod(): Promise<HubPod> {
    const pods = await hubPods(this.#client, this.#choice)
    this.#wasThere = true
    const [best] = pods
    if (best?.isReady) return best
    const states = pods.map(({ name, phase }) => `${name} is ${phase}`).join(', ')
    throw new Mistake('E_KUBERNETES', `no pod of the hub is ready: ${states}`, {
      hint: `kubectl -n ${this.#choice.namespace} describe pod ${best?.name} says why.`,
    })
  }
}

function withRight(error: Mistake, namespace: string): Mistake {
  // Of the right to list pods it has been told.
  if (error.cause instanceof Mistake) return error
  return new Mistake('E_FORBIDDEN', error.message, {
    hint: `You need the right to create pods/portforward in namespace ${namespace}. Or forward the port by other means, and name the address with --hub-url.`,
    cause: error,
  })
}

const PASSING: ReadonlySet<string> = new Set(['E_KUBERNETES', 'E_NOT_FOUND'])
const PATIENCE_MS = 20_000
const AGAIN_MS = 500
