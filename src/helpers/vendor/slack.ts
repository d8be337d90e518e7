import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { jsonOf, type Retry, refusalOf, requestOf, retryAfterMs } from '../answer.ts'
import { brief } from '../failure.ts'
import { type Arguments, type HelperHost, type HttpReply, type HttpRequest, helper } from '../helper.ts'
import { dropAllAside, setAllAside } from '../set-aside.ts'
import { type LocalFile, localFile } from './local-file.ts'

const pretext = z.string().default('').describe('Text above the message')
const text = z.string().default('').describe('The message, in the markup of Slack')
const color = z
  .string()
  .default('')
  .describe('Bar beside the text: `#d10000`, `d10000`, `good`, `warning` or `danger`')

/** https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
export const slack = helper({
  effect: 'network',
  doc: 'Posts a message to an incoming webhook of Slack, or of what takes the same messages (Mattermost, Rocket.Chat). Returns when it is accepted; throws when it is not.',
  params: {
    webhookUrl: z.url({ protocol: /^https?$/ }).describe('Address of the incoming webhook'),
    pretext,
    text,
    color,
  },
  returns: z.void(),
  target: ({ webhookUrl }) => {
    const { host, hostname } = new URL(webhookUrl)
    return { text: `message by webhook of ${host}`, hosts: [hostname] }
  },
  queued: { key: ({ webhookUrl }) => new URL(webhookUrl).origin },
  example: `try {\n  vendor.slack('http://127.0.0.1:9/services/T0/B0/x', 'Checkout', 'answers 500', '#d10000')\n} catch (error) {\n  console.error(error)\n}`,
  async run({ webhookUrl, ...message }, host) {
    await requestOf('vendor.slack', host, {
      method: 'POST',
      url: webhookUrl,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ attachments: [attachmentOf(message)] }),
    })
  },
})

const botParams = {
  token: z.string().min(1, 'a token').describe('Bot token, with the scopes `chat:write` and `files:write`'),
  channelID: z.string().min(1, 'a channel').describe('Channel, such as `C0123456789`'),
  pretext,
  text,
  color,
  fields: z
    .record(z.string(), z.string())
    .default({})
    .describe('Names and values below the text; `Timestamp` is always added'),
  files: z
    .record(z.string(), z.string())
    .default({})
    .describe('Names to show → paths in the data folder; they go into the thread of the message'),
}

type Message = Arguments<typeof botParams>

/** https://docs.slack.dev/reference/methods/chat.postMessage and /messaging/working-with-files */
export const slackBot = helper({
  effect: 'network',
  doc: 'Posts a message as a bot of Slack, with fields and files. Returns when all of it is there; throws when Slack refuses, with its error code. `env.SLACK_API_URL` is the address of the API where that is not https://slack.com/api/ (GovSlack).',
  params: botParams,
  returns: z.void(),
  target: ({ channelID, files }, host) => {
    const { hostname } = new URL(apiOf(host))
    const uploads = Object.keys(files).length > 0 && SLACK.test(hostname) ? [`files.${hostname}`] : []
    return { text: `Slack channel ${channelID}`, hosts: [hostname, ...uploads] }
  },
  queued: {
    key: ({ channelID }) => `slack ${channelID}`,
    async prepare(message, host) {
      await filesOf(message, host)
      const { fields, files } = message
      return { ...message, fields: withTime(fields, host), files: await setAllAside(host, files) }
    },
    async settled({ files }, host) {
      await dropAllAside(host, files)
    },
  },
  example: `try {\n  vendor.slackBot('xoxb-0', 'C0123456789', 'Checkout', 'answers 500', 'd10000', { Node: utils.nodeName() })\n} catch (error) {\n  console.error(error)\n}`,
  async run(message, host) {
    const files = await filesOf(message, host)
    // Whatever can go wrong with files does so before the message is there: it is not posted twice when this is tried again.
    const uploaded: Uploaded[] = []
    for (const file of files) uploaded.push(await upload(file, message, host))
    const posted = await call(host, messageOf(message, host), postedReply)
    if (uploaded.length > 0) await call(host, completionOf(uploaded, posted, message, host), anyReply)
  },
  async rehearsed(message, host) {
    await filesOf(message, host)
    await host.request(messageOf(message, host))
  },
})

/** The same for both: https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments */
function attachmentOf({ pretext, text, color }: Pick<Message, 'pretext' | 'text' | 'color'>) {
  return {
    fallback: pretext || text,
    pretext,
    text,
    ...(color === '' ? {} : { color: HEX.test(color) ? `#${color}` : color }),
  }
}

const HEX = /^([0-9a-f]{3}){1,2}$/i

function messageOf(message: Message, host: HelperHost): HttpRequest {
  const { token, channelID, fields } = message
  const shown = Object.entries(withTime(fields, host)).map(([title, value]) => ({
    title,
    value,
    short: value.length <= LONGEST_SHORT,
  }))
  return methodOf(host, 'chat.postMessage', token, {
    channel: channelID,
    attachments: JSON.stringify([{ ...attachmentOf(message), fields: shown }]),
  })
}

/** The time of the agent, unless the script or whoever has queued the call gives one. */
function withTime(fields: Message['fields'], host: HelperHost): Message['fields'] {
  return { Timestamp: new Date(host.now()).toISOString(), ...fields }
}

/** Two of them stand beside each other. */
const LONGEST_SHORT = 40

interface FileToSend extends LocalFile {
  readonly name: string
}

/** Looks for all of them before anything is sent. */
async function filesOf({ files }: Message, host: HelperHost): Promise<FileToSend[]> {
  return await Promise.all(
    Object.entries(files).map(async ([name, path]) => {
      const file = await localFile('vendor.slackBot', host, path)
      if (file.bytes === 0)
        throw new Mistake(
          'E_HELPER_ARGUMENT',
          `vendor.slackBot: ${brief(path)} is empty: Slack takes no such files`,
        )
      return { ...file, name }
    }),
  )
}

interface Uploaded {
  readonly id: string
  readonly title: string
}

/** https://docs.slack.dev/reference/methods/files.getUploadURLExternal */
async function upload(
  { name, bytes, read }: FileToSend,
  { token }: Message,
  host: HelperHost,
): Promise<Uploaded> {
  const { upload_url, file_id } = await call(
    host,
    methodOf(host, 'files.getUploadURLExternal', token, { filename: name, length: String(bytes) }),
    placeReply,
  )
  const body = read(0, bytes)
  try {
    await requestOf('vendor.slackBot', host, {
      method: 'POST',
      url: upload_url,
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(bytes) },
      body,
      totalMs: LONGEST_UPLOAD_MS,
    })
  } finally {
    body.destroy()
  }
  return { id: file_id, title: name }
}

const LONGEST_UPLOAD_MS = 60_000

/** https://docs.slack.dev/reference/methods/files.completeUploadExternal */
function completionOf(
  files: readonly Uploaded[],
  { channel, ts }: z.infer<typeof postedReply>,
  { token }: Message,
  host: HelperHost,
): HttpRequest {
  return methodOf(host, 'files.completeUploadExternal', token, {
    files: JSON.stringify(files),
    channel_id: channel,
    thread_ts: ts,
  })
}

/** A form: some methods take no JSON. */
function methodOf(
  host: HelperHost,
  method: string,
  token: string,
  form: Readonly<Record<string, string>>,
): HttpRequest {
  return {
    method: 'POST',
    url: new URL(method, apiOf(host)).href,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams(form).toString(),
  }
}

/** Files go to another host there. */
const SLACK = /^slack(-gov)?\.com$/

function apiOf({ env }: HelperHost): string {
  const given = env.SLACK_API_URL
  if (given === undefined || given === '') return 'https://slack.com/api/'
  const url = URL.parse(String(given))
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Mistake('E_HELPER_ARGUMENT', 'vendor.slackBot: env.SLACK_API_URL is no http address', {
      hint: 'Set scripting.env.SLACK_API_URL to the address of the API, such as https://slack-gov.com/api/, or to nothing.',
    })
  return url.href.endsWith('/') ? url.href : `${url.href}/`
}

/** Slack answers 200 also when it refuses: https://docs.slack.dev/apis/web-api/#responses */
async function call<R extends z.ZodType>(
  host: HelperHost,
  request: HttpRequest,
  expected: R,
): Promise<z.output<R>> {
  const reply = await requestOf('vendor.slackBot', host, request, errorIn)
  const said = jsonOf('vendor.slackBot', request, reply)
  const read = expected.safeParse(said)
  if (read.success) return read.data
  const error = errorIn(reply)
  if (error !== undefined)
    throw refusalOf('vendor.slackBot', host, request, reply, error, retryOfError(error, reply))
  throw new Mistake(
    'E_HELPER_FAILED',
    `vendor.slackBot: the reply of ${new URL(request.url).host} is not one of Slack`,
  )
}

const anyReply = z.object({ ok: z.literal(true) })
const postedReply = anyReply.extend({ channel: z.string(), ts: z.string() })
const placeReply = anyReply.extend({ upload_url: z.url({ protocol: /^https?$/ }), file_id: z.string() })

const refusedReply = z.object({ ok: z.literal(false), error: z.string(), needed: z.string().optional() })

/** `invalid_auth`; `missing_scope (needed: chat:write)`. */
function errorIn({ body }: HttpReply): string | undefined {
  const read = refusedReply.safeParse(parsed(body))
  if (!read.success) return undefined
  const { error, needed } = read.data
  return needed === undefined ? error : `${error} (needed: ${needed})`
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {}
}

function retryOfError(error: string, { headers }: HttpReply): Retry {
  if (!PASSING.has(error)) return { when: 'never' }
  const wait = headers['retry-after']
  const afterMs = wait === undefined ? undefined : retryAfterMs(wait, Date.now())
  return afterMs === undefined ? { when: 'later' } : { when: 'later', afterMs }
}

/** All others, such as `invalid_auth` and `channel_not_found`, last until somebody does something. */
const PASSING: ReadonlySet<string> = new Set([
  'fatal_error',
  'internal_error',
  'message_limit_exceeded',
  'rate_limited',
  'ratelimited',
  'request_timeout',
  'service_unavailable',
  'team_added_to_org',
])
