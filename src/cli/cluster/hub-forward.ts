import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { KubernetesAccess } from '../../kubernetes/access.ts'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import { connectToPod } from '../../kubernetes/port-forward.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { pause } from '../../waiting/pause.ts'
import { type HubPod, hubPods, type ReleaseChoice } from './hub-pods.ts'

export interface ForwardChoice extends ReleaseChoice {
  /** Of the certificate of the hub; whoever names one wants TLS. */
  readonly ca: Buffer | undefined
}

/**
 * A port of this machine, on the loopback alone, whose connections reach a hub in a cluster through the API server: each one a
 * pod of it that is ready. Where the hub has a certificate, TLS begins here: its name is none of this machine's. When that goes away, as in a rolling upgrade, connections break, and the next ones reach
 * another.
 */
export class HubForward {
  readonly #access: KubernetesAccess
  readonly #client: KubernetesClient
  readonly #choice: ForwardChoice
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
    choice: ForwardChoice,
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

  private constructor(access: KubernetesAccess, client: KubernetesClient, choice: ForwardChoice) {
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

  /** Secret in which the token of the hub is. */
  get tokenSecret(): string {
    return this.#pod?.tokenSecret ?? `${this.release}-secret`
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
      pod.on('close', () => {
        if (socket.bytesRead > 0 && socket.bytesWritten === 0) this.#note(noAnswer(this.#choice))
      })
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
        const { ca } = this.#choice
        const bare = await connectToPod(this.#access, { namespace, pod: name, port }, signal)
        const stream = pod.isTls || ca !== undefined ? await secured(bare, pod, ca) : bare
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
      hint: `kubectl -n ${this.#choice.namespace} describe pod ${best?.name} says why, or its log. A hub that does not reach NATS is not ready.`,
    })
  }
}

/**
 * TLS to a pod. That it is the right one the API server has made sure of, which has connected us: its name is not asked for again,
 * and its authority only where somebody has named one.
 */
async function secured(
  bare: Duplex,
  { namespace, name, port }: HubPod,
  ca: Buffer | undefined,
): Promise<Duplex> {
  const stream = connectTls({
    socket: bare,
    ...(ca === undefined ? { rejectUnauthorized: false } : { ca }),
    checkServerIdentity: () => undefined,
  })
  try {
    await once(stream, 'secureConnect')
    return stream
  } catch (cause) {
    bare.destroy()
    const isOfOther = ca !== undefined && stream.authorizationError !== null
    throw new Mistake(
      'E_HUB_UNREACHABLE',
      `no TLS with port ${port} of pod ${namespace}/${name}: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: isOfOther
          ? 'Its certificate is not of the authority that --hub-ca names.'
          : 'Has the hub a certificate (hub.tls)? Without one its port is not called https, and --hub-ca is not for it.',
        cause,
      },
    )
  }
}

function noAnswer({ namespace }: ForwardChoice): Mistake {
  return new Mistake('E_HUB_UNREACHABLE', 'the hub has ended the connection without an answer', {
    hint: `Its log says why (kubectl -n ${namespace} logs -l app.kubernetes.io/component=hub). When it has a certificate, its port has to be called https, as the chart does, or --hub-ca names its authority.`,
  })
}

function withRight(error: Mistake, namespace: string): Mistake {
  // Of the right to list pods it has been told.
  if (error.cause instanceof Mistake) return error
  return new Mistake('E_FORBIDDEN', error.message, {
    hint: `You need the rights to get and create pods/portforward in namespace ${namespace}. Or forward the port by other means, and name the address with --hub-url.`,
    cause: error,
  })
}

const PASSING: ReadonlySet<string> = new Set(['E_KUBERNETES', 'E_NOT_FOUND'])
const PATIENCE_MS = 20_000
const AGAIN_MS = 500
