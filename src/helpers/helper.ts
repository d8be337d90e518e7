import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import type { MeantPod } from '../cluster/recent-pods.ts'
import type { QuantileSummary } from '../shared-state/quantile-answers.ts'
import type { TopKey } from '../shared-state/top-keys.ts'
import type { Kind } from '../shared-state/value.ts'
import type { AlertEntry } from '../wire/alerts.ts'
import type { PolicyAsker, PolicyCaller } from '../wire/policies.ts'
import type { ReportFormat } from '../wire/reports.ts'
import type { Severity } from '../wire/severity.ts'
import type { EffectKind } from '../wire/trials.ts'
import type { KeptClients } from './kept-clients.ts'
import type { MetricSeries } from './otel/series.ts'

/**
 * One declaration of something that scripts can call. From it come the stub inside the sandbox, the checking of
 * arguments, the typings for authors (`remora.d.ts`) and the reference page.
 */
export type Helper = BrokerHelper | SandboxHelper

/** A helper that runs outside the sandbox, over the synchronous bridge. */
export interface BrokerHelper<P extends Params = Params, R extends z.ZodType = z.ZodType>
  extends BrokerDeclaration<P, R> {
  readonly where: 'broker'
}

/** A helper that the sandbox itself implements; declared here so that checks, typings and docs know it. */
export interface SandboxHelper extends Declaration {
  readonly where: 'sandbox'
}

export interface BrokerDeclaration<P extends Params, R extends z.ZodType> extends Declaration<P, R> {
  /** Touches the world through `host` alone. May be async: the script waits for the answer. */
  run(args: Arguments<P>, host: HelperHost): z.input<R> | Promise<z.input<R>>
  /**
   * What it answers where effects are only recorded. Absent: what `run` does, whose requests are answered with 200 and an
   * empty object. Needed where that is no answer, or where `run` connects by other means than `host.request`.
   */
  rehearsed?(args: Arguments<P>, host: HelperHost): z.input<R> | Promise<z.input<R>>
  /** Where its effect goes; absent: nowhere outside of this machine. Throws a Mistake when that cannot be told. */
  target?(args: Arguments<P>, host: HelperHost): EffectTarget
  /** Paths that it writes or removes, as `files.resolve` takes them, for grants. */
  writes?(args: Arguments<P>): readonly string[]
  /** How its calls go by way of the outbox; absent: they cannot. With it there is `<path>.queue(…)`. */
  readonly queued?: Queued<P>
}

/** Where an effect goes, as grants and the audit see it. */
export interface EffectTarget {
  /** For people, without anything secret: `POST hooks.slack.com`, `s3://traffic`, `kafka://10.0.0.1:9092/alerts`. */
  readonly text: string
  /** Hosts that it talks to, without ports; those of clouds as their public names. */
  readonly hosts: readonly string[]
  /** Bucket, container, stream or topic that it writes to. */
  readonly bucket?: string
}

/** How calls go by way of the outbox. */
export interface Queued<P extends Params = Params> {
  /** Calls with the same key arrive in the order in which they were made: mostly the destination. Nothing secret. */
  key(args: Arguments<P>): string
  /**
   * When the script queues a call: what is kept in place of its arguments, where they name what the script may change or
   * delete before they are sent, such as files. `params` must take it again. What it throws, the script gets.
   */
  prepare?(args: Arguments<P>, host: HelperHost): Promise<Arguments<P>>
  /** The call is no longer in the outbox, sent or given up, or was never put there: what `prepare` has made can go. */
  settled?(args: Arguments<P>, host: HelperHost): Promise<void>
  /**
   * Sends several calls of one key at once, oldest first. Absent: one after another, by `run`. What it throws is about all
   * of them (`retryOf` says what becomes of them), unless it is a `PartlyFailed`.
   */
  readonly batch?: {
    /** Calls at most. */
    readonly most: number
    /** Bytes of their arguments as JSON at most. */
    readonly mostBytes: number
    send(calls: readonly QueuedCall<P>[], host: HelperHost): Promise<void>
  }
}

export interface QueuedCall<P extends Params = Params> {
  /** The same for each attempt: for receivers that can tell what they have got already. */
  readonly id: string
  readonly args: Arguments<P>
  /** When the script made it, ms since the epoch by the clock of the agent. */
  readonly at: number
}

export interface Declaration<P extends Params = Params, R extends z.ZodType = z.ZodType> {
  readonly doc: string
  /** Positional for scripts, in the order written; by name in `run`. A `rest` one comes last. */
  readonly params: P
  readonly returns: R
  /** What it does outside of the script, for those who only rehearse; absent: it looks and tells. */
  readonly effect?: EffectKind
  /** A script that shows it in use: type-checked and run in the real sandbox by a test. */
  readonly example: string
}

export interface Params {
  readonly [name: string]: z.ZodType
}

export type Arguments<P extends Params> = { readonly [K in keyof P]: z.output<P[K]> }

/** Helpers under one name: `vendor`, `jobs.scheduler`; "" for global functions. */
export interface Namespace {
  readonly name: string
  readonly doc: string
  readonly helpers: { readonly [name: string]: Helper }
  /** What scripts may read and set there. */
  readonly properties: { readonly [name: string]: NamespaceProperty }
}

export interface NamespaceProperty {
  readonly doc: string
  /** As typings spell it. */
  readonly type: string
}

export function namespace(
  name: string,
  doc: string,
  helpers: Namespace['helpers'],
  properties: Namespace['properties'] = {},
): Namespace {
  return { name, doc, helpers, properties }
}

export function helper<P extends Params, R extends z.ZodType>(
  declaration: BrokerDeclaration<P, R>,
): BrokerHelper<P, R> {
  return { ...declaration, where: 'broker' }
}

export function sandboxHelper(declaration: Declaration): SandboxHelper {
  return { ...declaration, where: 'sandbox' }
}

/** All further arguments, as a list: the `...args` of a signature. */
export function rest<S extends z.ZodType>(each: S): z.ZodArray<S> {
  return z.array(each).meta({ rest: true })
}

export function isRest(schema: z.ZodType): boolean {
  return schema.meta()?.rest === true
}

/** A value that typings spell as `type` and that nothing checks out here: callbacks, entries, whatever. */
export function typed(type: string): z.ZodUnknown {
  return z.unknown().meta({ type })
}

/** What scripts pass where text goes: text itself, or a list or object that stands for its JSON. */
export const textOrJson = z.union([z.string(), z.array(z.unknown()), z.record(z.string(), z.unknown())])

/** Text; lists and objects become their JSON. */
export const jsonText = textOrJson.transform((value) =>
  typeof value === 'string' ? value : JSON.stringify(value),
)

/** What a helper may touch of the world. A test hands it a fake; production the fenced one. */
export interface HelperHost {
  /** Which script calls, for audit and quota: the same object for as long as the script is. */
  readonly agent: {
    readonly title: string
    readonly index: number
    /** Identity in the store, and what is running of it; absent for those that come out of none. */
    readonly id?: string
    readonly version?: number
  }
  readonly component: 'worker' | 'hub'
  /** Name of this node, or `hub`. */
  readonly nodeName: string
  /** An address of this node, and what no other run of this program has: for names of uploads. */
  readonly nodeIp: string
  readonly runId: string
  /** Id of the call in the outbox, the same for each attempt; absent when the script itself waits. */
  readonly queuedId?: string
  /** What scripts see as `env`: for what people set for all of their agents, such as the address of an API. */
  readonly env: Readonly<Record<string, unknown>>
  /** Whether scripts may ask language models. */
  readonly aiAssistantEnabled: boolean
  readonly files: DataFolder
  /** A file or folder was made that goes with the script, unless somebody moves it. */
  temporary(path: string): Promise<void>
  readonly packets: PacketStore
  readonly podPackets: PodPackets
  /** What the script shares with itself on other nodes. */
  readonly shared: SharedValues
  readonly alerts: Alerting
  /** Aborts when the time for this call is up. */
  readonly signal: AbortSignal
  /** Writes a line on the agent's console, flagged as a warning. */
  warn(text: string): void
  /** Writes a line in the log of the component, which nobody may take for another: without line breaks. */
  log(line: string): void
  /** HTTP under the egress rules: time limit, size limit, no redirects into forbidden places. */
  request(options: HttpRequest): Promise<HttpReply>
  /** A connection under the same rules, for what is not HTTP; with `tls` the handshake is done. */
  connect(options: ConnectRequest): Promise<Socket>
  /** Address of a host under the same rules, for libraries that connect by themselves: they must be given this one. */
  addressOf(host: string, port: number): Promise<string>
  /** Clients with connections that are kept from call to call. */
  readonly clients: KeptClients
  readonly reports: ReportKeeper
  /** Puts a call of a helper that can be queued into the outbox, as if the script had. Answers its id. */
  queue(path: string, args: readonly unknown[]): Promise<string>
  /** Text without values of `env` that are secret: for what others say, which may quote what they were sent. */
  masked(text: string): string
  /** Part of a name that nobody else has. */
  randomName(): string
  /** Where `otel.*` sends to when neither the script nor its `env` says: `scripting.otel` of the configuration. */
  readonly otel: OtelDefaults
  /** Sums of `otel.metric`, of all agents. */
  readonly metricSeries: MetricSeries
  /** What time it is for the script, ms since the epoch: on a capture file, that of the traffic. */
  now(): number
  /** State of this component, for `utils.health`: anything JSON can say. */
  health(): unknown
  /** Pods under capture and pods left out, for `hub.targeted`, as Kubernetes JSON. */
  targeted(): Targeted | Promise<Targeted>
  /** Asks the hub that leads about policies; `by`: who asks. */
  readonly policies: PolicyAsker & { readonly by: PolicyCaller }
}

/** What scripts share by `cluster.*`, as one of them sees it. `of`: the title of another one whose it is. */
export interface SharedValues {
  counter(name: string, of?: string): number
  top(name: string, k: number, of?: string): readonly TopKey[]
  unique(name: string, of?: string): number
  quantile(name: string, q: number, of?: string): number | null
  summary(name: string, of?: string): QuantileSummary | null
  reset(kind: Kind, name: string): void
}

/** Where reports for people are kept. */
export interface ReportKeeper {
  write(report: {
    readonly agent: string
    readonly title: string
    readonly name: string
    readonly format: ReportFormat
    readonly content: string
  }): Promise<{ readonly id: string; readonly version: number; readonly bytes: number }>
}

/** Alerts as one agent raises them. */
export interface Alerting {
  /** Answers the id. */
  raise(alert: RaisedAlert): Promise<string>
  close(key: string): Promise<void>
}

export interface RaisedAlert {
  readonly key: string
  readonly title: string
  readonly severity: Severity
  readonly text: string
  readonly labels: Readonly<Record<string, string>>
  readonly entries: readonly AlertEntry[]
  /** Packets of the connection of the first entry go with it. */
  readonly pcap: boolean
}

export interface Targeted {
  readonly targets: readonly unknown[]
  readonly excluded: readonly unknown[]
}

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** A stream is read once: a redirect that would want it again is refused. */
  readonly body: string | Uint8Array | Readable | undefined
  /** For all of it, ms, when that may take longer than usual: uploads. */
  readonly totalMs?: number
  /**
   * SHA-256 of the certificate of the server, or of one that has signed it and that the server shows, as hexadecimal digits:
   * that one is trusted, and no other. For https only.
   */
  readonly certificateSha256?: string
  /** For the head of the reply and for each pause in its body, ms, where the other side thinks for longer than most. */
  readonly answerMs?: number
}

export interface ConnectRequest {
  readonly host: string
  readonly port: number
  /** TLS from the beginning. The certificate must be for `host`, or for `servername`. */
  readonly tls?: {
    readonly servername?: string | undefined
    readonly alpn?: readonly string[]
    /** PEM: a certificate to trust beside the usual ones, and what proves who we are. */
    readonly ca?: string | undefined
    readonly cert?: string | undefined
    readonly key?: string | undefined
  }
}

export interface HttpReply {
  readonly status: number
  /** Names in lower case; repeated headers joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  /** Read as UTF-8. */
  readonly body: string
  /** As it came, for what is no text; absent where nothing was sent. */
  readonly bytes?: Uint8Array
}

/** `scripting.otel`; "" and absent: not given. */
export interface OtelDefaults {
  readonly endpoint?: string
  readonly protocol?: 'grpc' | 'http/protobuf' | 'http/json'
  readonly headers?: Readonly<Record<string, string>>
  readonly service?: string
  readonly temporality?: 'cumulative' | 'delta'
  readonly compression?: 'gzip' | 'none'
}

/**
 * The folder that scripts share, and nothing outside it. Paths are as scripts write them; every escape is a Mistake.
 * What is written in the folder by others than helpers is counted when it opens, or when they say so by `reserve`.
 */
export interface DataFolder {
  /** Absolute path of the folder, symbolic links resolved. */
  readonly root: string
  /** Absolute path inside the root for a path as a script writes it. Throws E_HELPER_REFUSED when it leads outside. */
  resolve(path: string): string
  /** Throws E_HELPER_REFUSED when `bytes` more would pass the quota; otherwise counts them. Negative gives back. */
  reserve(bytes: number): void
  /** Runs changes to the folder one after another, so that what they count stays true. Must not be nested. */
  change<T>(work: () => Promise<T>): Promise<T>
}

/** Packets kept for `pcap.*`. */
export interface PacketStore {
  /** Writes the packets of a stream (`000000000042.pcap`) to `target` as pcap; false when nothing is kept of it. */
  writeStream(stream: string, target: string): Promise<boolean>
  /** Names of the streams whose packets are still here, oldest first. */
  streams(): Promise<readonly string[]>
  /** Writes the packets of all these streams, sorted by time, to `target`. None of them: a capture without packets. */
  writeMerged(streams: readonly string[], target: string, claim?: Claim): Promise<void>
  /** The same for capture files on disk (absolute paths), such as copies that a script has put aside. */
  writeMergedFiles(files: readonly string[], target: string, claim?: Claim): Promise<void>
  /** UNIX seconds (as text) of a change → address or address:port → name. */
  nameHistory(): Promise<NameHistory>
}

/** Packets by pod, for `pcap.history`. */
export interface PodPackets {
  /**
   * Writes what a pod has sent and received in the `seconds` before `nowMs`, or before it went if it is gone, to `target`. Answers
   * why there is nothing, or not all: "" when there is. Without any packet nothing is written. Throws a Mistake for a pod
   * that is not known, and where packets are not kept.
   */
  write(pod: MeantPod, seconds: number, nowMs: number, target: string, claim: Claim): Promise<WrittenPackets>
}

/** Sets room aside for bytes that are about to be written. Throws when there is not as much. */
export type Claim = (bytes: number) => void

export interface WrittenPackets {
  readonly packets: number
  readonly complaint: string
}

export type NameHistory = Readonly<
  Record<string, Readonly<Record<string, { readonly FullAddress: string; readonly Namespace: string }>>>
>
