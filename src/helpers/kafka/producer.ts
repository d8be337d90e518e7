import type { Socket } from 'node:net'
import type { ICustomPartitioner, ISocketFactoryArgs, Message, Producer, RecordMetadata } from 'kafkajs'
import { Mistake } from '../../mistake/mistake.ts'
import { Refusal } from '../answer.ts'
import type { HelperHost } from '../helper.ts'
import type { KeptClient } from '../kept-clients.ts'
import { failureOf, isConnectionTrouble, isRefusedIdempotence } from './failure.ts'
import { FencedSocket } from './fenced-socket.ts'

export interface Cluster {
  readonly brokers: readonly { readonly host: string; readonly port: number }[]
  readonly sasl?: Sasl | undefined
  readonly tls?: Tls | undefined
}

export interface Sasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password: string
}

export interface Tls {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly servername?: string | undefined
}

/** -1: all replicas that are in step have it, 1: the leader has it, 0: nobody says. */
export type Acks = -1 | 0 | 1

export interface Sent {
  readonly topic: string
  readonly acks: Acks
  readonly messages: readonly Message[]
}

/**
 * Sends by one connection to each broker. Where all replicas are asked, and the cluster lets us, the producer is idempotent:
 * what is sent again within a call, because a connection broke, is there once. After a failed call it must be closed: what
 * the brokers have of that is not known, and its numbers would be given to other messages.
 */
export class KafkaProducer {
  readonly #producer: Producer
  readonly #network: Network

  private constructor(producer: Producer, network: Network) {
    this.#producer = producer
    this.#network = network
  }

  static async open(cluster: Cluster, acks: Acks, host: HelperHost): Promise<KeptClient<KafkaProducer>> {
    const network = new Network(cluster, host)
    const { Kafka, Partitioners, logLevel } = await import('kafkajs')
    const kafka = new Kafka({
      clientId: 'remora',
      brokers: cluster.brokers.map(({ host: name, port }) => `${bracketed(name)}:${port}`),
      ...(cluster.sasl === undefined ? {} : { sasl: cluster.sasl as never }),
      logLevel: logLevel.NOTHING,
      connectionTimeout: TIMEOUT_MS,
      authenticationTimeout: TIMEOUT_MS,
      requestTimeout: TIMEOUT_MS,
      retry: RETRY,
      socketFactory: (args) => network.socket(args) as unknown as Socket,
    })
    const make = async (idempotent: boolean): Promise<KeptClient<KafkaProducer>> => {
      const producer = kafka.producer({
        createPartitioner: () => existing(Partitioners.DefaultPartitioner()),
        allowAutoTopicCreation: false,
        idempotent,
        retry: RETRY,
      })
      const close = async () => {
        // It waits for answers, which may never come.
        const done = producer.disconnect().catch(() => {})
        await Promise.race([done, new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())])
        network.close()
      }
      try {
        await network.during(host, () => producer.connect())
        return { client: new KafkaProducer(producer, network), close }
      } catch (error) {
        await close()
        throw error
      }
    }
    try {
      return await make(acks === -1)
    } catch (error) {
      if (acks === -1 && isRefusedIdempotence(error)) {
        network.reopen()
        return await make(false)
      }
      throw failureOf(error)
    }
  }

  /** Answers where they are: a range for each partition; nothing when nobody says. */
  async send({ topic, acks, messages }: Sent, host: HelperHost): Promise<RecordMetadata[]> {
    try {
      return await this.#network.during(host, () =>
        this.#producer.send({ topic, acks, messages: [...messages], timeout: TIMEOUT_MS }),
      )
    } catch (error) {
      throw failureOf(error)
    }
  }
}

/** The library drops messages for partitions that are not there, without a word. */
function existing(choose: ReturnType<ICustomPartitioner>): ReturnType<ICustomPartitioner> {
  return (asked) => {
    const chosen = choose(asked)
    if (asked.partitionMetadata.every(({ partitionId }) => partitionId !== chosen))
      throw new Refusal(`vendor.kafka.put: ${asked.topic} has no partition ${chosen}`, 404, { when: 'never' })
    return chosen
  }
}

/** The connections of one producer. Each goes where the rules let the script of the call at hand go. */
class Network {
  readonly #cluster: Cluster
  #host: HelperHost
  readonly #sockets = new Set<FencedSocket>()
  /** Why the last connection could not be made, in our own words. */
  #failure: Mistake | undefined

  constructor(cluster: Cluster, host: HelperHost) {
    this.#cluster = cluster
    this.#host = host
  }

  /** Runs what may connect, for as long as the call may take. */
  async during<T>(host: HelperHost, work: () => Promise<T>): Promise<T> {
    this.#host = host
    this.#failure = undefined
    const { promise: late, reject } = Promise.withResolvers<never>()
    const stop = () => reject(host.signal.reason)
    host.signal.addEventListener('abort', stop)
    try {
      host.signal.throwIfAborted()
      return await Promise.race([work(), late])
    } catch (error) {
      throw isConnectionTrouble(error) ? (this.#failure ?? error) : error
    } finally {
      host.signal.removeEventListener('abort', stop)
    }
  }

  /** Also for brokers that the cluster has told of: they are asked for under the same rules. */
  socket({ host, port, onConnect }: ISocketFactoryArgs): FencedSocket {
    const { tls } = this.#cluster
    const peer = `${bracketed(host)}:${port}`
    const connecting = this.#host.connect({ host, port, ...(tls === undefined ? {} : { tls }) })
    connecting.catch((error: unknown) => {
      if (error instanceof Mistake) this.#failure = error
    })
    const socket = new FencedSocket(connecting, framesOf(peer))
    socket.once('connect', onConnect)
    socket.on('error', (error) => {
      if (error instanceof Mistake) this.#failure = error
    })
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  reopen(): void {
    this.#sockets.clear()
  }
}

/** Looks at the lengths of what comes, before anybody waits for so many bytes. */
function framesOf(peer: string): (chunk: Buffer) => void {
  let left = 0
  let head = Buffer.alloc(0)
  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      if (left === 0) {
        const more = chunk.subarray(at, at + 4 - head.length)
        head = Buffer.concat([head, more])
        at += more.length
        if (head.length < 4) return
        left = head.readInt32BE(0)
        head = Buffer.alloc(0)
        if (left < 4 || left > LONGEST_REPLY)
          throw new Mistake('E_HELPER_FAILED', `vendor.kafka.put: what ${peer} says is not Kafka`)
      }
      const taken = Math.min(left, chunk.length - at)
      left -= taken
      at += taken
    }
  }
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

const TIMEOUT_MS = 10_000
const CLOSE_MS = 1000
/** Within a call, for a leader that has just moved. All else is the outbox's. */
const RETRY = { retries: 2, initialRetryTime: 100, maxRetryTime: 1000 }
const LONGEST_REPLY = 16 << 20
