import { Readable } from 'node:stream'
import type { Effect, EffectKind } from '../wire/trials.ts'
import { alertId } from './alert.ts'
import { readArguments } from './arguments.ts'
import { type DispatchOptions, dispatch, helperAt } from './dispatch.ts'
import type { HelperHost, HttpReply, HttpRequest, Namespace } from './helper.ts'
import { Secrets } from './secrets.ts'

/** A script calls a helper. */
export interface RehearsedCall {
  readonly path: string
  readonly args: readonly unknown[]
  /** Id of the entry in whose hook it is. */
  readonly entry?: string | undefined
}

export interface RehearsalOptions {
  readonly namespaces: readonly Namespace[]
  readonly env: Readonly<Record<string, unknown>>
  /** Takes each effect as it comes. */
  readonly tell: (effect: Effect) => void
  /** Throws for a request that would be refused. */
  readonly check: (request: HttpRequest) => void
}

/** What holds for one call. */
interface RehearsedCheck extends Pick<DispatchOptions, 'permit'> {
  /** Instead of that of all. */
  readonly check?: RehearsalOptions['check']
}

/**
 * Helpers as in earnest, but nothing leaves the machine: requests are recorded and answered with 200 and an empty object. All
 * else goes to the host that is given, whose folder is to be one that nobody misses, and is recorded, too.
 */
export class Rehearsal {
  readonly #options: RehearsalOptions
  readonly #secrets: Secrets
  #names = 0

  constructor(options: RehearsalOptions) {
    this.#options = options
    this.#secrets = Secrets.of(options.env)
  }

  /** Answers as `dispatch` does, and tells of the effect, if there is one. */
  async dispatch(
    call: RehearsedCall,
    host: HelperHost,
    { permit, check = this.#options.check }: RehearsedCheck = {},
  ): Promise<unknown> {
    const { namespaces } = this.#options
    const { path, args } = call
    const sent: HttpRequest[] = []
    const rehearsed: HelperHost = {
      ...host,
      request: async (request) => {
        check(request)
        sent.push(request)
        return PRETENDED
      },
      connect: () =>
        Promise.reject(new Error('a helper that connects must say what it answers when it is rehearsed')),
      alerts: {
        raise: async ({ key }) => alertId(host.agent.title, key),
        close: async () => {},
      },
      addressOf: async (name) => name,
      queue: async (queued, queuedArgs) => this.queued({ ...call, path: queued, args: queuedArgs }, host),
      // The same each time: what a script makes of it can be compared.
      randomName: () => `rehearsed${++this.#names}`,
    }
    const told = (outcome: Pick<Effect, 'answer' | 'error'>) => {
      const kind = helperAt(namespaces, path)?.effect ?? (sent.length > 0 ? 'network' : undefined)
      if (kind !== undefined) this.#tell(call, host, { kind, sent: sent[0], outcome })
    }
    try {
      const answer = await dispatch(namespaces, path, args, rehearsed, { how: 'rehearsed', permit })
      told({ answer: answer === undefined ? null : this.#shown(JSON.stringify(answer), host) })
      return answer
    } catch (error) {
      told({ answer: null, error: this.#shown(String((error as Error).message), host) })
      throw error
    }
  }

  /** Tells of a call of a helper that would be kept for later, and answers an id. */
  queued(
    { path, args, ...call }: RehearsedCall,
    host: HelperHost,
    permit?: DispatchOptions['permit'],
  ): string {
    const helper = helperAt(this.#options.namespaces, path)
    const read = readArguments(path, helper?.params ?? {}, args)
    const target = helper?.where === 'broker' ? helper.target?.(read, host).text : undefined
    if (helper?.where === 'broker') permit?.(helper, read)
    const id = `rehearsed${++this.#names}`
    const outcome = { answer: JSON.stringify(id) }
    this.#tell({ ...call, path, args }, host, {
      kind: 'network',
      sent: undefined,
      outcome,
      target,
      isKept: true,
    })
    return id
  }

  /** Tells of what some other part sees to. */
  note(
    call: RehearsedCall,
    host: Pick<HelperHost, 'agent' | 'nodeName' | 'now' | 'files'>,
    kind: EffectKind = 'hub',
  ): void {
    this.#tell(call, host, { kind, sent: undefined, outcome: { answer: null } })
  }

  /** Text without secrets, and without the place of a folder that is gone soon. */
  masked(text: string, root: string): string {
    return this.#secrets.masked(text.replaceAll(root, DATA))
  }

  #tell(
    { path, args, entry }: RehearsedCall,
    { agent, nodeName, now, files }: Pick<HelperHost, 'agent' | 'nodeName' | 'now' | 'files'>,
    {
      kind,
      sent,
      outcome,
      target: place,
      isKept = false,
    }: {
      kind: EffectKind
      sent: HttpRequest | undefined
      outcome: Pick<Effect, 'answer' | 'error'>
      target?: string | undefined
      isKept?: boolean
    },
  ): void {
    const names = Object.keys(helperAt(this.#options.namespaces, path)?.params ?? {})
    const request = sent === undefined ? undefined : this.#request(sent)
    const target = request === undefined ? (place ?? targetOf(args)) : `${request.method} ${request.url}`
    this.#options.tell({
      helper: isKept ? `${path}.queue` : path,
      kind,
      target: cut(this.masked(target, files.root), LONGEST_TARGET),
      arguments: args.map((value, at) => ({
        name: names[at] ?? String(at),
        value: this.#shown(JSON.stringify(value) ?? 'undefined', { files }),
      })),
      ...(request === undefined ? {} : { sent: request }),
      ...outcome,
      at: now(),
      node: nodeName,
      title: agent.title,
      ...(entry === undefined ? {} : { entry }),
    })
  }

  #shown(text: string, { files }: Pick<HelperHost, 'files'>): string {
    return cut(this.masked(text, files.root), LONGEST_VALUE)
  }

  #request({ method, url, headers, body }: HttpRequest): NonNullable<Effect['sent']> {
    const text =
      body instanceof Readable ? STREAM : typeof body === 'string' ? body : Buffer.from(body ?? '').toString()
    const boundary = boundaryIn(headers)
    const plain = (part: string) => (boundary === undefined ? part : part.replaceAll(boundary, 'boundary'))
    return {
      method,
      url: cut(this.#secrets.masked(url).replace(PASSWORD_IN_URL, '$1***@'), LONGEST_TARGET),
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [
          name,
          SECRET_HEADER.test(name) ? '[secret]' : cut(this.#secrets.masked(plain(value)), LONGEST_TARGET),
        ]),
      ),
      body: cut(this.#secrets.masked(plain(text)), LONGEST_BODY),
      bodyBytes: Buffer.byteLength(text),
    }
  }
}

/** Most helpers name first what they are about. */
function targetOf([first]: readonly unknown[]): string {
  return typeof first === 'string' ? first : ''
}

/** Of a form, which is another one each time. */
function boundaryIn(headers: HttpRequest['headers']): string | undefined {
  return /boundary=([^;\s]+)/.exec(headers['content-type'] ?? '')?.[1]
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text
}

/** Stands for a file that would have been read while it is sent. */
const STREAM = '(a stream)'
const PRETENDED: HttpReply = { status: 200, headers: {}, body: '{}' }
/** Stands for the folder of files. */
const DATA = 'data'
const PASSWORD_IN_URL = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/i
const SECRET_HEADER = /authorization|cookie|token|secret|api-?key|password/i
const LONGEST_TARGET = 500
const LONGEST_VALUE = 2000
const LONGEST_BODY = 4000
