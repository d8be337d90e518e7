import assert from 'node:assert/strict'
import { readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { callHelpers } from '../../testing/call-helpers.ts'
import { certificate } from '../../testing/certificate.ts'
import { hasTools } from '../../testing/loopback.ts'
import { freePort } from '../../testing/ports.ts'
import { smtpServer } from '../../testing/smtp-server.ts'
import { until } from '../../testing/until.ts'
import { Refusal, retryOf } from '../answer.ts'
import { readArguments } from '../arguments.ts'
import { mail } from './mail.ts'

/** With the certificate of the server trusted. */
async function open(t: TestContext, { name = 'localhost', overrides = {} }: OpenOptions = {}) {
  const { cert, key } = await certificate(t, name)
  const opened = await callHelpers(t, overrides, { ca: cert })
  const send = (message: object) => opened.call('vendor.mail', { ...MESSAGE, ...message })
  return { ...opened, send, cert, key }
}

interface OpenOptions {
  readonly name?: string
  readonly overrides?: Parameters<typeof callHelpers>[1]
}

const LOGIN = { user: 'remora', password: 'fish' }
const MESSAGE = {
  from: 'Remora <remora@example.com>',
  to: 'ops@example.com',
  subject: 'Checkout',
  text: 'answers 500',
}

const headOf = (source: string) => source.slice(0, source.indexOf('\r\n\r\n'))

describe('vendor.mail', () => {
  test('sends by STARTTLS, signed in, to all of them', async (t) => {
    if (!hasTools(t, 'openssl')) return
    const { send, key, cert, warnings } = await open(t)
    const server = await smtpServer(t, { key, cert, authOptional: false })
    const answer = await send({
      ...LOGIN,
      server: `localhost:${server.port}`,
      to: ['"Müller, Ada" <ada@example.com>', 'bob@example.com'],
      cc: 'c@example.com,, "D, Dr." <d@example.com>',
      bcc: 'secret@example.com',
      subject: 'Kasse fällt aus',
      html: '<b>500</b>',
    })
    const [mail] = server.mails
    assert.match(String(answer), /^<[0-9a-f]{32}@example\.com>$/)
    assert.ok(mail?.source.includes(`Message-ID: ${answer}`))
    assert.deepEqual([mail?.from, mail?.isEncrypted, mail?.user], ['remora@example.com', true, 'remora'])
    const names = ['ada', 'bob', 'c', 'd', 'secret']
    assert.deepEqual(
      mail?.to,
      names.map((each) => `${each}@example.com`),
    )
    const { source = '' } = mail ?? {}
    const head = headOf(source)
    assert.match(head, /^From: Remora <remora@example\.com>$/m)
    assert.match(head, /^Cc: c@example\.com, "D, Dr\." <d@example\.com>$/m)
    assert.match(head, /^Subject: =\?UTF-8\?Q\?Kasse_f=C3=A4llt_aus\?=$/m)
    assert.doesNotMatch(source, /secret@/)
    assert.deepEqual(warnings, [])
  })

  test('sends by TLS from the beginning', async (t) => {
    if (!hasTools(t, 'openssl')) return
    const { send, key, cert } = await open(t)
    const server = await smtpServer(t, { key, cert, secure: true })
    await send({ ...LOGIN, server: `smtps://localhost:${server.port}` })
    await send({ ...LOGIN, server: `localhost:${server.port}`, encryption: 'tls' })
    assert.deepEqual(
      server.mails.map(({ isEncrypted, user }) => [isEncrypted, user]),
      [
        [true, 'remora'],
        [true, 'remora'],
      ],
    )
  })

  test('sends without encryption only when it is told to, and no password then', async (t) => {
    const { call } = await callHelpers(t)
    const server = await smtpServer(t, { disabledCommands: ['STARTTLS', 'AUTH'] })
    const to = { ...MESSAGE, server: `127.0.0.1:${server.port}` }
    await call('vendor.mail', { ...to, encryption: 'none' })
    assert.equal(server.mails.length, 1)
    const error = await call('vendor.mail', to).catch((error: unknown) => error)
    assert.match(String(error), /answered 5\d\d /)
    await assert.rejects(call('vendor.mail', { ...to, ...LOGIN, encryption: 'none' }), {
      code: 'E_HELPER_REFUSED',
      message: 'vendor.mail: a password is not sent without encryption',
    })
    assert.equal(server.mails.length, 1)
  })

  test('attaches files of the data folder', async (t) => {
    const { call, folder } = await callHelpers(t)
    const server = await smtpServer(t, { disabledCommands: ['STARTTLS'] })
    const bytes = Buffer.from(Array.from({ length: 1000 }, (_, at) => at % 256))
    await writeFile(join(folder, 'a.pcap'), bytes)
    await writeFile(join(folder, 'empty'), '')
    const message = { ...MESSAGE, server: `127.0.0.1:${server.port}`, encryption: 'none' }
    await call('vendor.mail', { ...message, attachments: { 'ström.pcap': 'a.pcap', empty: 'empty' } })
    const source = server.mails[0]?.source ?? ''
    assert.ok(source.replaceAll('\r\n', '').includes(bytes.toString('base64')))
    assert.match(source, /filename=empty/)
    const withFile = (path: string) => call('vendor.mail', { ...message, attachments: { a: path } })
    await assert.rejects(withFile('gone'), { message: 'vendor.mail: gone: no such file or folder' })
    await assert.rejects(withFile('/etc/passwd'), { code: 'E_HELPER_REFUSED' })
    assert.equal(server.mails.length, 1)
  })

  test('lets nothing that it is given become another header or recipient', async (t) => {
    const { call, folder } = await callHelpers(t)
    const server = await smtpServer(t, { disabledCommands: ['STARTTLS'] })
    await writeFile(join(folder, 'a'), 'x')
    const message = { ...MESSAGE, server: `127.0.0.1:${server.port}`, encryption: 'none' }
    const evil = 'x\r\nBcc: evil@example.com\r\n\r\nbody'
    await call('vendor.mail', {
      ...message,
      from: 'A "b" (c) <a@example.com>',
      subject: evil,
      text: `.\r\n.\r\nMAIL FROM:<evil@example.com>`,
      attachments: { [evil]: 'a' },
    })
    const [mail] = server.mails
    assert.deepEqual(mail?.to, ['ops@example.com'])
    assert.doesNotMatch(mail?.source ?? '', /^Bcc:/im)
    assert.match(headOf(mail?.source ?? ''), /^Subject: x Bcc: evil@example\.com body$/m)
    assert.equal(server.mails.length, 1)

    const refused = (field: string, value: unknown) =>
      assert.rejects(call('vendor.mail', { ...message, [field]: value }), {
        code: 'E_HELPER_ARGUMENT',
        message: new RegExp(`^vendor.mail: ${field}: expected `),
      })
    for (const address of [
      'a@example.com\r\nRCPT TO:<evil@example.com>',
      'a@example.com>\r\nBcc: <evil@example.com',
      '"evil@example.com x"@example.com',
      '<evil@example.com> <a@example.com>',
      '@evil.example.com:a@example.com',
      'a b@example.com',
      'a@[127.0.0.1]',
      'nobody',
    ]) {
      await refused('to', [address])
      await refused('from', address)
    }
    await refused('to', [])
    await refused('to', Array(101).fill('a@example.com'))
    await refused('server', 'http://example.com')
    await refused('server', 'smtp://user:secret@example.com')
  })

  test('has the headers and recipients that it was given, whatever its texts are', async (t) => {
    const { call, folder } = await callHelpers(t)
    const server = await smtpServer(t, { disabledCommands: ['STARTTLS'] })
    await writeFile(join(folder, 'a'), 'x')
    const evil = fc.constantFrom(
      '\r\nBcc: evil@example.com',
      '\n.\r\n',
      '\r\n\r\n',
      '"',
      ',',
      ';',
      '=?utf-8?q?',
      '\0',
    )
    const text = fc.array(fc.oneof(evil, fc.string({ unit: 'grapheme' }))).map((parts) => parts.join(''))
    let sent = 0
    const named = fc.string({ unit: 'grapheme', maxLength: 80 }).filter((name) => !/[\p{Cc}<>]/u.test(name))
    await fc.assert(
      fc.asyncProperty(text, named, text, text, async (subject, name, body, file) => {
        await call('vendor.mail', {
          ...{
            server: `127.0.0.1:${server.port}`,
            encryption: 'none',
            subject: `x${subject}`,
            text: `x${body}`,
            html: `x${body}`,
          },
          ...{ from: `${name} <a@example.com>`, to: [`"${name}" <ops@example.com>`] },
          attachments: { [file]: 'a' },
        })
        sent++
        const { from, to, source } = server.mails.at(-1) ?? assert.fail('no mail')
        assert.deepEqual([from, to], ['a@example.com', ['ops@example.com']])
        const names = headOf(source).match(/^[^\s:]+(?=:)/gm) ?? []
        const given = ['Content-Type', 'Date', 'From', 'MIME-Version', 'Message-ID', 'Subject', 'To']
        assert.deepEqual([...names].sort(), given)
      }),
      { numRuns: 30 },
    )
    assert.equal(server.mails.length, sent)
  })

  test('has the same Message-ID for each attempt, and keeps attachments for it', async (t) => {
    const { host, folder, call } = await callHelpers(t, { queuedId: 'boot/7' })
    const server = await smtpServer(t, { disabledCommands: ['STARTTLS'] })
    await writeFile(join(folder, 'a.txt'), 'as it was')
    const given = {
      ...MESSAGE,
      server: `127.0.0.1:${server.port}`,
      encryption: 'none',
      attachments: { a: 'a.txt' },
    }
    const read = readArguments('vendor.mail', mail.params, [given]) as Parameters<typeof mail.run>[0]
    const kept = await mail.queued?.prepare?.(read, host)
    assert.ok(kept)
    await rm(join(folder, 'a.txt'))
    const ids = [await call('vendor.mail', kept.message), await call('vendor.mail', kept.message)]
    await mail.queued?.settled?.(kept, host)
    assert.equal(ids[0], ids[1])
    for (const { source } of server.mails) assert.match(source, /YXMgaXQgd2Fz/)
    assert.deepEqual(await readdir(join(folder, '.queued')), [])
  })

  test('rehearsed, connects to nobody', async (t) => {
    const { rehearse } = await callHelpers(t, { connect: () => assert.fail() })
    const to = { ...MESSAGE, server: 'smtp.example.com' }
    assert.match(String(await rehearse('vendor.mail', to)), /^<.*@example\.com>$/)
    await assert.rejects(rehearse('vendor.mail', { ...to, to: 'nobody' }), { code: 'E_HELPER_ARGUMENT' })
  })
})

describe('vendor.mail, when the other side fails', () => {
  const failure = async (send: Promise<unknown>) => {
    const error = await send.catch((error: unknown) => error)
    assert.ok(error instanceof Error && 'code' in error, String(error))
    assert.equal(error.code, 'E_HELPER_FAILED', error.message)
    assert.doesNotMatch(error.message, /bird|fish/)
    return { error, text: error.message.replace(/:\d{4,}/, ':port'), retry: retryOf(error).when }
  }

  test('a password that is wrong is wrong for good', async (t) => {
    if (!hasTools(t, 'openssl')) return
    const { send, key, cert } = await open(t)
    const server = await smtpServer(t, { key, cert })
    const { error, text, retry } = await failure(
      send({ server: `localhost:${server.port}`, user: 'remora', password: 'bird' }),
    )
    assert.ok(error instanceof Refusal)
    assert.equal(error.status, 535)
    assert.deepEqual(
      [text, retry],
      ['vendor.mail: localhost:port answered 535 Error: authentication failed', 'never'],
    )
  })

  test('4xx may pass, 5xx does not; some recipients of several are a warning', async (t) => {
    const { call, warnings } = await callHelpers(t)
    const server = await smtpServer(t, { disabledCommands: ['STARTTLS'] })
    const send = (to: readonly string[]) =>
      call('vendor.mail', { ...MESSAGE, to, server: `127.0.0.1:${server.port}`, encryption: 'none' })
    for (const [code, retry] of [
      [421, 'later'],
      [450, 'later'],
      [550, 'never'],
    ]) {
      const failed = await failure(send([`${code}@example.com`]))
      assert.match(failed.text, new RegExp(`answered ${code} .*no mail for ${code}@example.com`))
      assert.equal(failed.retry, retry)
    }
    await send(['550@example.com', 'ops@example.com'])
    assert.deepEqual(warnings, ['vendor.mail: 127.0.0.1 does not take 550@example.com'])
    assert.deepEqual(server.mails[0]?.to, ['ops@example.com'])
  })

  test('files that were to be attached do not stay open', async (t) => {
    const { call, folder } = await callHelpers(t)
    const path = join(folder, 'a.pcap')
    await writeFile(path, new Uint8Array(300_000))
    const server = await smtpServer(t, { disabledCommands: ['STARTTLS'] })
    const message = { ...MESSAGE, server: `127.0.0.1:${server.port}`, encryption: 'none' }
    await failure(call('vendor.mail', { ...message, to: '550@example.com', attachments: { a: 'a.pcap' } }))
    const isOpen = async () => {
      const all = await readdir('/proc/self/fd')
      const targets = await Promise.all(all.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
      return targets.includes(path)
    }
    await until(async () => !(await isOpen()), 'the file to be closed', 5000)
  })

  test('no answer, an answer that trickles, an end in the middle, and what is no SMTP', async (t) => {
    const trickle = (socket: Socket) => {
      const timer = setInterval(() => socket.write('220-wait\r\n'), 20)
      socket.on('close', () => clearInterval(timer))
    }
    const cases: [answer: (socket: Socket) => unknown, message: RegExp][] = [
      [() => {}, /the time for this call is up$/],
      [trickle, /the time for this call is up$/],
      [(socket) => socket.end(), /127\.0\.0\.1:port: the connection was closed$/],
      [
        (socket) => socket.once('data', () => socket.destroy()).write('220 hi\r\n'),
        /the connection was closed$/,
      ],
      [(socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), /: it does not speak SMTP$/],
    ]
    for (const [answer, message] of cases) {
      const server = createServer((socket) => {
        socket.on('error', () => {})
        answer(socket)
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      const port = typeof address === 'object' ? address?.port : undefined
      const isSlow = message.test('the time for this call is up')
      const { call } = await callHelpers(t, isSlow ? { signal: AbortSignal.timeout(300) } : {})
      const { text, retry } = await failure(call('vendor.mail', { ...MESSAGE, server: `127.0.0.1:${port}` }))
      assert.match(text, message)
      assert.equal(retry, 'later')
      await new Promise((resolve) => server.close(resolve))
    }
  })

  test('nobody listens', async (t) => {
    const { call } = await callHelpers(t)
    const { text } = await failure(
      call('vendor.mail', { ...MESSAGE, server: `127.0.0.1:${await freePort()}` }),
    )
    assert.match(text, /connection refused$/)
  })

  test('a certificate of another name, and one that nobody trusts, before a password is sent', async (t) => {
    if (!hasTools(t, 'openssl')) return
    const elsewhere = await open(t, { name: 'elsewhere.example' })
    const unknown = await certificate(t)
    for (const [{ key, cert }, reason] of [
      [elsewhere, /its certificate is for another name$/],
      [unknown, /its certificate is self-signed$/],
    ] as const)
      for (const secure of [true, false]) {
        let logins = 0
        const server = await smtpServer(t, {
          ...{ key, cert, secure },
          onAuth: (_, __, done) => {
            logins++
            done(null, { user: 'remora' })
          },
        })
        const encryption = secure ? 'tls' : 'starttls'
        const { text, retry } = await failure(
          elsewhere.send({ ...LOGIN, server: `localhost:${server.port}`, encryption }),
        )
        assert.match(text, reason)
        assert.equal(retry, 'later')
        assert.equal(logins, 0)
        assert.deepEqual(server.mails, [])
      }
  })

  test('a server that offers no way to sign in, where that is asked for', async (t) => {
    if (!hasTools(t, 'openssl')) return
    const { send, key, cert } = await open(t)
    const server = await smtpServer(t, { key, cert, disabledCommands: ['AUTH'] })
    const { retry } = await failure(send({ ...LOGIN, server: `localhost:${server.port}` }))
    assert.ok(retry)
    assert.deepEqual(server.mails, [])
  })
})
