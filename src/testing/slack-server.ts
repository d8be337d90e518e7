import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { z } from 'zod'

export interface SlackServer {
  /** For `env.SLACK_API_URL`. */
  readonly api: string
  /** An incoming webhook. */
  readonly webhook: string
  readonly messages: readonly Posted[]
  readonly files: readonly SharedFile[]
  /** Names of methods in the order in which they were called. */
  readonly calls: readonly string[]
}

/** A message as its readers have it. */
export type Posted = z.infer<typeof attachments>[number] & { readonly channel?: string; readonly ts?: string }

export interface SharedFile {
  readonly name: string
  readonly title: string
  readonly bytes: Buffer
  readonly channel: string
  readonly thread: string | undefined
}

/** What Slack does with messages and files, for one test. Takes only what fits its reference, and the token `xoxb-good`. */
export async function slackServer(t: Pick<TestContext, 'after'>): Promise<SlackServer> {
  const slack = new Slack()
  const server = createServer((request, response) => {
    void slack.answer(request).then(({ status, body }) => {
      response.writeHead(status, {
        'content-type': typeof body === 'string' ? 'text/html' : 'application/json',
      })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  slack.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { messages, files, calls } = slack
  return { api: `${slack.origin}/api/`, webhook: `${slack.origin}/services/T0/B0/x`, messages, files, calls }
}

interface Reply {
  readonly status: number
  readonly body: unknown
}

class Slack {
  origin = ''
  readonly messages: Posted[] = []
  readonly files: SharedFile[] = []
  readonly calls: string[] = []
  readonly #places = new Map<string, { readonly name: string; readonly length: number; bytes?: Buffer }>()

  async answer(request: IncomingMessage): Promise<Reply> {
    const { pathname } = new URL(request.url ?? '', this.origin)
    const body = await buffer(request)
    if (pathname.startsWith('/services/')) return this.#hook(body)
    if (pathname.startsWith('/upload/'))
      return await this.#take(pathname.slice('/upload/'.length), request, body)
    const method = pathname.slice('/api/'.length)
    this.calls.push(method)
    return { status: 200, body: this.#call(method, request, body) }
  }

  /** https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors */
  #hook(body: Buffer): Reply {
    try {
      const { attachments: read } = z.strictObject({ attachments }).parse(JSON.parse(body.toString()))
      this.messages.push(...read)
      return { status: 200, body: 'ok' }
    } catch {
      return { status: 400, body: 'invalid_payload' }
    }
  }

  #call(method: string, { headers }: IncomingMessage, body: Buffer): unknown {
    if (headers.authorization === undefined) return { ok: false, error: 'not_authed' }
    if (headers.authorization !== 'Bearer xoxb-good') return { ok: false, error: 'invalid_auth' }
    if (!String(headers['content-type']).startsWith('application/x-www-form-urlencoded'))
      return { ok: false, error: 'invalid_form_data' }
    const read = methods.safeParse({ method, ...Object.fromEntries(new URLSearchParams(body.toString())) })
    if (!read.success) return { ok: false, error: 'invalid_arguments', messages: read.error.issues }
    return this.#do(read.data)
  }

  #do(call: z.infer<typeof methods>): unknown {
    switch (call.method) {
      case 'chat.postMessage': {
        if (call.channel !== 'C0123456789' && call.channel !== '#alerts')
          return { ok: false, error: 'channel_not_found' }
        const ts = `1503435956.00024${this.messages.length}`
        for (const each of call.attachments) this.messages.push({ ...each, channel: call.channel, ts })
        return { ok: true, channel: 'C0123456789', ts, message: { attachments: call.attachments } }
      }
      case 'files.getUploadURLExternal': {
        const file_id = `F${this.#places.size}`
        this.#places.set(file_id, { name: call.filename, length: call.length })
        return { ok: true, upload_url: `${this.origin}/upload/${file_id}`, file_id }
      }
      case 'files.completeUploadExternal': {
        if (!/^[CGD][A-Z0-9]{8,}$/.test(call.channel_id)) return { ok: false, error: 'channel_not_found' }
        for (const { id, title } of call.files) {
          const { name, bytes } = this.#places.get(id) ?? {}
          if (name === undefined || bytes === undefined) return { ok: false, error: 'file_not_found' }
          this.files.push({ name, title, bytes, channel: call.channel_id, thread: call.thread_ts })
        }
        return { ok: true, files: call.files }
      }
    }
  }

  /** Bytes as they are, or as the part `body` of a form. */
  async #take(id: string, { method, headers }: IncomingMessage, body: Buffer): Promise<Reply> {
    const place = this.#places.get(id)
    const type = String(headers['content-type'])
    const bytes = type.startsWith('multipart/form-data') ? await partIn(body, type) : body
    if (method !== 'POST' || place === undefined || bytes.length !== place.length)
      return { status: 400, body: 'invalid_upload' }
    place.bytes = bytes
    return { status: 200, body: `OK - ${bytes.length}` }
  }
}

async function partIn(body: Buffer, type: string): Promise<Buffer> {
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
  const part = form.get('body')
  return part instanceof File ? Buffer.from(await part.arrayBuffer()) : Buffer.from(part ?? '')
}

const json = z.string().transform((text) => JSON.parse(text))

/** https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments */
const attachments = z
  .array(
    z.strictObject({
      fallback: z.string(),
      pretext: z.string(),
      text: z.string(),
      color: z
        .string()
        .regex(/^(good|warning|danger|#[0-9a-f]{3}|#[0-9a-f]{6})$/i)
        .optional(),
      fields: z
        .array(z.strictObject({ title: z.string(), value: z.string(), short: z.boolean() }))
        .optional(),
    }),
  )
  .min(1)
  .max(100)

const methods = z.discriminatedUnion('method', [
  z.strictObject({
    method: z.literal('chat.postMessage'),
    channel: z.string(),
    attachments: json.pipe(attachments),
  }),
  z.strictObject({
    method: z.literal('files.getUploadURLExternal'),
    filename: z.string().min(1),
    length: z.coerce.number().int().positive(),
  }),
  z.strictObject({
    method: z.literal('files.completeUploadExternal'),
    files: json.pipe(z.array(z.strictObject({ id: z.string(), title: z.string() })).min(1)),
    channel_id: z.string(),
    thread_ts: z.string().optional(),
  }),
])
