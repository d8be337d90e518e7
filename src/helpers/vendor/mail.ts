import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { Refusal } from '../answer.ts'
import { connectionReason, trustedOn } from '../egress.ts'
import { type Arguments, type ConnectRequest, type HelperHost, helper } from '../helper.ts'
import { dropAllAside, setAllAside } from '../set-aside.ts'
import { localFile } from './local-file.ts'

const NAME = 'vendor.mail'

const addresses = z.union([z.string(), z.array(z.string())])

const params = {
  message: z
    .strictObject({
      server: z.string().min(1, 'a server'),
      encryption: z.enum(['tls', 'starttls', 'none']).optional(),
      user: z.string().optional(),
      password: z.string().optional(),
      from: z.string(),
      to: addresses.optional(),
      cc: addresses.optional(),
      bcc: addresses.optional(),
      subject: z.string().default(''),
      text: z.string().optional(),
      html: z.string().optional(),
      attachments: z.record(z.string(), z.string()).default({}),
    })
    .describe(
      'Server, such as `smtp.example.com:587`; login; `Name <a@example.com>` for each address; what it says; attachments as names → paths in the data folder',
    ),
}

type Message = Arguments<typeof params>['message']

/** SMTP: RFC 5321, with TLS: RFC 3207 and RFC 8314. */
export const mail = helper({
  effect: 'network',
  doc: 'Sends a mail by a server that takes it for delivery, and returns its Message-ID. On port 465 the connection begins with TLS, else by STARTTLS, without which nothing is sent unless `encryption` is `none`. Throws when the server does not take the mail; a recipient that it does not take, where there are others, is a warning.',
  params,
  returns: z.string(),
  target: ({ message }) => {
    const { host, port } = serverOf(message)
    return { text: `mail by ${host}:${port}`, hosts: [host] }
  },
  queued: {
    key: ({ message }) => {
      const { host, port } = serverOf(message)
      return `smtp ${host}:${port}`
    },
    async prepare({ message }, host) {
      envelopeOf(message)
      return { message: { ...message, attachments: await setAllAside(host, message.attachments) } }
    },
    async settled({ message }, host) {
      await dropAllAside(host, message.attachments)
    },
  },
  example: `try {\n  vendor.mail({ server: '127.0.0.1:9', user: 'remora', password: 'secret', from: 'Remora <remora@example.com>', to: 'ops@example.com', subject: 'Checkout', text: 'answers 500' })\n} catch (error) {\n  console.error(error)\n}`,
  async run({ message }, host) {
    const server = serverOf(message)
    const envelope = envelopeOf(message)
    const attachments = await attachmentsOf(message, host)
    const messageId = messageIdOf(envelope.from, host)
    const { createTransport } = (await import('nodemailer')).default
    const { host: name, port, encryption } = server
    const socket = await host.connect({ host: name, port, ...(encryption === 'tls' ? { tls: {} } : {}) })
    const contents = attachments.map(({ name, bytes, read }) => ({ filename: name, content: read(0, bytes) }))
    const stop = () => socket.destroy()
    host.signal.addEventListener('abort', stop)
    try {
      const { rejected } = await createTransport(optionsOf(message, server, socket)).sendMail({
        ...envelope,
        messageId,
        subject: message.subject.replace(/\p{Cc}+/gu, ' '),
        ...(message.text === undefined ? {} : { text: message.text }),
        ...(message.html === undefined ? {} : { html: message.html }),
        attachments: contents,
      })
      if (rejected.length > 0) host.warn(`${NAME}: ${name} does not take ${rejected.join(', ')}`)
      return messageId
    } catch (error) {
      throw host.signal.aborted ? error : failureOf(error, server, host)
    } finally {
      host.signal.removeEventListener('abort', stop)
      socket.destroy()
      // What was not sent would stay open.
      for (const { content } of contents) content.destroy()
    }
  },
  async rehearsed({ message }, host) {
    serverOf(message)
    await attachmentsOf(message, host)
    return messageIdOf(envelopeOf(message).from, host)
  },
})

interface Server extends Pick<ConnectRequest, 'host' | 'port'> {
  readonly encryption: 'tls' | 'starttls' | 'none'
}

/** `smtp.example.com`, `smtp.example.com:465`, `[::1]:25`, `smtps://smtp.example.com`. RFC 6409: 587 unless it is said. */
function serverOf({ server, encryption, password }: Message): Server {
  const url = URL.parse(/^[a-z]+:\/\//i.test(server) ? server : `smtp://${server}`)
  const isSmtps = url?.protocol === 'smtps:'
  const isPlain =
    url?.username === '' && url.password === '' && /^\/?$/.test(url.pathname) && url.search === ''
  if (url === null || url.hostname === '' || !isPlain || !(isSmtps || url.protocol === 'smtp:'))
    throw wrong('server', 'a host, or host:port; who signs in goes into user and password')
  const port = url.port === '' ? (isSmtps ? 465 : 587) : Number(url.port)
  const given = encryption ?? (isSmtps || port === 465 ? 'tls' : 'starttls')
  if (given === 'none' && password !== undefined)
    throw new Mistake('E_HELPER_REFUSED', `${NAME}: a password is not sent without encryption`)
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port, encryption: given }
}

function optionsOf({ user, password }: Message, { host, port, encryption }: Server, connection: Socket) {
  const ca = trustedOn(connection)
  return {
    host,
    port,
    connection,
    secure: encryption === 'tls',
    secured: encryption === 'tls',
    requireTLS: encryption === 'starttls',
    ignoreTLS: encryption === 'none',
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' }, forceAuth: true }),
    greetingTimeout: PATIENCE_MS,
    socketTimeout: PATIENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(ca === undefined ? {} : { tls: { ca } }),
  }
}

const PATIENCE_MS = 10_000

/** As parts, so that nothing in a name or an address is read as another recipient. */
interface Address {
  readonly name: string
  readonly address: string
}

interface Envelope {
  readonly from: Address
  readonly to: readonly Address[]
  readonly cc: readonly Address[]
  readonly bcc: readonly Address[]
}

function envelopeOf({ from, to = [], cc = [], bcc = [] }: Message) {
  const envelope = {
    from: addressOf('from', from),
    to: addressesOf('to', to),
    cc: addressesOf('cc', cc),
    bcc: addressesOf('bcc', bcc),
  } satisfies Envelope
  const recipients = envelope.to.length + envelope.cc.length + envelope.bcc.length
  if (recipients === 0) throw wrong('to', 'at least one address')
  if (recipients > MOST_RECIPIENTS) throw wrong('to', `at most ${MOST_RECIPIENTS} addresses`)
  return envelope
}

const MOST_RECIPIENTS = 100

/** A text is one address or several, with commas; of a list each is one. */
function addressesOf(field: string, given: string | readonly string[]): Address[] {
  const all =
    typeof given === 'string'
      ? (given.match(BETWEEN_COMMAS) ?? []).filter((each) => each.trim() !== '')
      : given
  return all.map((each) => addressOf(field, each))
}

/** A name in quotes may have commas in it: `"Lovelace, Ada" <ada@example.com>`. */
const BETWEEN_COMMAS = /(?:"[^"]*"|[^,])+/g

function addressOf(field: string, text: string): Address {
  const { name = '', inside, bare } = ADDRESS.exec(text.trim())?.groups ?? {}
  const address = inside ?? bare
  if (address === undefined) throw wrong(field, 'addresses such as `Name <a@example.com>` or `a@example.com`')
  return { name: name.trim().replace(/^"(.*)"$/, '$1'), address }
}

/** RFC 5322 §3.4, without comments, routes, quoted local parts and addresses in brackets. */
const ADDRESS = (() => {
  const address = String.raw`[^\s\p{Cc}<>()[\]\\,;:"@]+@[^\s\p{Cc}<>()[\]\\,;:"@]+`
  return new RegExp(String.raw`^(?:(?<name>[^\p{Cc}<>]*)<(?<inside>${address})>|(?<bare>${address}))$`, 'u')
})()

function wrong(field: string, expected: string): Mistake {
  return new Mistake('E_HELPER_ARGUMENT', `${NAME}: ${field}: expected ${expected}`)
}

async function attachmentsOf({ attachments }: Message, host: HelperHost) {
  const found = await Promise.all(
    Object.entries(attachments).map(async ([name, path]) => ({
      ...(await localFile(NAME, host, path)),
      name: name.replace(/\p{Cc}+/gu, ' '),
    })),
  )
  const bytes = found.reduce((sum, each) => sum + each.bytes, 0)
  if (bytes > MOST_BYTES)
    throw new Mistake(
      'E_HELPER_REFUSED',
      `${NAME}: attachments of ${bytes} bytes; at most ${MOST_BYTES} are sent`,
    )
  return found
}

/** Few servers take more, in base64. */
const MOST_BYTES = 18_000_000

/** RFC 5322 §3.6.4. The same for each attempt of a queued call: by it servers and readers tell a mail that comes twice. */
function messageIdOf({ address }: Address, { queuedId, randomName }: HelperHost): string {
  const id = createHash('sha256')

    .update(queuedId ?? randomName())
    .digest('hex')
    .slice(0, 32)
  return `<${id}@${address.slice(address.indexOf('@') + 1)}>`
}

const told = z.object({
  code: z.string().optional(),
  originalCode: z.string().optional(),
  response: z.string().optional(),
  responseCode: z.number().optional(),
})

/** RFC 5321 §4.2.1: 4yz may pass, 5yz does not. */
function failureOf(error: unknown, { host: name, port }: Server, host: HelperHost): unknown {
  if (error instanceof Mistake) return error
  const read = told.safeParse(error)
  if (!read.success) return error
  const { code, originalCode, response = '', responseCode } = read.data
  const who = `${NAME}: ${name}:${port}`
  if (responseCode !== undefined) {
    const words = host.masked(response).replace(/\s+/g, ' ').slice(0, LONGEST_REASON)
    return new Refusal(`${who} answered ${words}`, responseCode, {
      when: responseCode >= 500 ? 'never' : 'later',
    })
  }
  const reason = connectionReason(originalCode ?? '') ?? REASONS[code ?? ''] ?? `failed (${code})`
  return new Mistake('E_HELPER_FAILED', `${who}: ${reason}`, { cause: error })
}

const LONGEST_REASON = 200

const REASONS: Readonly<Record<string, string>> = {
  EAUTH: 'it offers no way to sign in',
  ECONNECTION: 'the connection was closed',
  EPROTOCOL: 'it does not speak SMTP',
  ESOCKET: 'the connection was closed',
  ETIMEDOUT: 'no answer in time',
  ETLS: 'it does not manage to begin with TLS',
}
