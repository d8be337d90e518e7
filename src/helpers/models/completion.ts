import { Mistake } from '../../mistake/mistake.ts'
import { Refusal, type Retry, refusalOf, retryOfStatus } from '../answer.ts'
import type { EffectTarget, HelperHost, HttpReply, HttpRequest } from '../helper.ts'

/** A question to a model by the chat completions of OpenAI, https://platform.openai.com/docs/api-reference/chat/create. */
interface Question {
  /** Address before `/chat/completions`. */
  readonly endpoint: string
  readonly model: string
  /** Absent or "": none is sent; servers of one's own mostly want none. */
  readonly apiKey?: string | undefined
  readonly messages: readonly Message[]
  readonly maxTokens: number
  readonly temperature?: number | undefined
  readonly timeoutMs?: number
}

interface Message {
  readonly role: 'system' | 'developer' | 'user' | 'assistant'
  readonly content: string
}

/** Models think for a while before the first byte of an answer. */
export const WAIT_MS = 45_000
/** The call of a helper ends soon after that. */
export const LONGEST_WAIT_MS = 55_000

/** Text of the answer. */
export async function complete(helper: string, host: HelperHost, question: Question): Promise<string> {
  if (!host.aiAssistantEnabled)
    throw new Mistake('E_HELPER_REFUSED', `${helper}: no models are asked here`, {
      hint: 'Set aiAssistantEnabled to true to allow it.',
    })
  const url = new URL(question.endpoint)
  const asked = new Asking(helper, host, question)
  const { OpenAI } = await import('openai')
  const client = new OpenAI({
    baseURL: baseOf(url),
    apiKey: question.apiKey || NO_KEY,
    // What the environment of this process says is not for scripts.
    ...{ organization: null, project: null, webhookSecret: null, adminAPIKey: null },
    maxRetries: 0,
    timeout: LONGEST_WAIT_MS,
    logLevel: 'off',
    fetch: (to, init) => asked.fetch(String(to), init),
  })
  const { model, messages, maxTokens, temperature } = question
  try {
    const reply: unknown = await client.chat.completions.create({
      model,
      messages: [...messages],
      ...(isOpenAi(url) ? { max_completion_tokens: maxTokens } : { max_tokens: maxTokens }),
      ...(temperature === undefined ? {} : { temperature }),
    })
    return textOf(reply, helper, url)
  } catch (error) {
    if (error instanceof Mistake) throw error
    // The client has its own words for what happened to the request; ours name the reason.
    throw asked.failure ?? new Mistake('E_HELPER_FAILED', `${helper}: the reply of ${url.host} is not JSON`)
  }
}

export function targetOf(endpoint: string): EffectTarget {
  const { host, hostname } = new URL(endpoint)
  return { text: `POST ${host}`, hosts: [hostname] }
}

/** Sends and records as the host does, and is answered as by a model that says what it would be. */
export function rehearsedHost(host: HelperHost): HelperHost {
  return {
    ...host,
    async request(request) {
      await host.request(request)
      const message = { role: 'assistant', content: REHEARSED }
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'stop' }] }),
      }
    },
  }
}

const REHEARSED = '(what the model would answer)'

/** Carries the requests of the client of OpenAI over the host. */
class Asking {
  readonly #helper: string
  readonly #host: HelperHost
  readonly #question: Question
  /** Why there is no answer. */
  failure: Mistake | undefined

  constructor(helper: string, host: HelperHost, question: Question) {
    this.#helper = helper
    this.#host = host
    this.#question = question
  }

  async fetch(url: string, init: RequestInit | undefined): Promise<Response> {
    try {
      const { status, headers, body } = await this.#send(url, init)
      return new Response(body, { status, headers: { 'content-type': headers['content-type'] ?? '' } })
    } catch (error) {
      if (error instanceof Mistake) this.failure = error
      throw error
    }
  }

  async #send(url: string, init: RequestInit | undefined): Promise<HttpReply> {
    const { apiKey, timeoutMs = WAIT_MS } = this.#question
    const request: HttpRequest = {
      method: 'POST',
      url,
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}),
      },
      body: String(init?.body),
      totalMs: timeoutMs,
      answerMs: timeoutMs,
    }
    const reply = await this.#host.request(request)
    if (reply.status >= 200 && reply.status < 300) return reply
    throw this.#refusal(request, reply)
  }

  /** `{error: {message, type, code}}`; some servers have text there. */
  #refusal(request: HttpRequest, reply: HttpReply): Refusal {
    const { message, code } = errorIn(reply.body)
    const said = message === undefined ? undefined : this.#withoutKey(message)
    const host: Pick<HelperHost, 'masked'> = { masked: (text) => this.#withoutKey(this.#host.masked(text)) }
    const retry = retryOf(reply, code)
    return refusalOf(this.#helper, { ...this.#host, ...host }, request, reply, said, retry)
  }

  #withoutKey(text: string): string {
    const { apiKey } = this.#question
    return apiKey ? text.replaceAll(apiKey, '[key]') : text
  }
}

/** An account without credit stays so, though the status says that it passes. */
function retryOf({ status, headers }: HttpReply, code: unknown): Retry {
  return code === 'insufficient_quota' ? { when: 'never' } : retryOfStatus(status, headers['retry-after'])
}

function errorIn(body: string): { readonly message?: string; readonly code?: unknown } {
  const { error } = objectOf(parsed(body))
  if (typeof error === 'string') return { message: error }
  const { message, code } = objectOf(error)
  return typeof message === 'string' ? { message, code } : {}
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function textOf(reply: unknown, helper: string, { host }: URL): string {
  const { choices } = objectOf(reply)
  const { message, finish_reason } = objectOf(Array.isArray(choices) ? choices[0] : undefined)
  const { content, refusal } = objectOf(message)
  if (typeof content === 'string' && content !== '') return content
  if (typeof refusal === 'string' && refusal !== '')
    throw new Refusal(`${helper}: the model of ${host} refuses: ${refusal.slice(0, 200)}`, 200, {
      when: 'never',
    })
  if (finish_reason === 'length')
    throw new Refusal(`${helper}: maxTokens were used up before there was an answer`, 200, { when: 'never' })
  if (content === '') return content
  throw new Mistake('E_HELPER_FAILED', `${helper}: the reply of ${host} has no answer in it`)
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** Also where people give the whole address of the call. */
function baseOf(url: URL): string {
  const base = new URL(url)
  base.pathname = base.pathname.replace(/(\/chat\/completions)?\/*$/, '')
  return base.href
}

/** New models of OpenAI take only the new name, and most other servers only the old one. */
function isOpenAi({ hostname }: URL): boolean {
  return /(^|\.)openai(\.azure)?\.com$/.test(hostname)
}

/** The client wants one; it is never sent. */
const NO_KEY = 'none'
