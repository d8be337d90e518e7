import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  /** As it came, with its head. */
  readonly source: string
  readonly isEncrypted: boolean
  readonly user: string | undefined
}

/**
 * A mail server on the loopback for one test; `remora` signs in with `fish`. Recipients whose address begins with a
 * number are answered with it.
 */
export async function smtpServer(
  t: Pick<TestContext, 'after'>,
  options: SMTPServerOptions = {},
): Promise<{ readonly port: number; readonly mails: readonly Mail[] }> {
  const mails: Mail[] = []
  const server = new SMTPServer({
    authOptional: true,
    onAuth({ username, password }, _, done) {
      if (username === 'remora' && password === 'fish') done(null, { user: username })
      else done(refusal(535, 'Error: authentication failed'))
    },
    onRcptTo({ address }, _, done) {
      const [code] = /^\d{3}/.exec(address) ?? []
      done(code === undefined ? null : refusal(Number(code), `no mail for ${address}`))
    },
    onData(stream, { envelope, secure, user }, done) {
      void text(stream).then((source) => {
        mails.push({
          from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          source,
          isEncrypted: secure,
          user: typeof user === 'string' ? user : undefined,
        })
        done()
      })
    },
    ...options,
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise<void>((resolve) => server.close(resolve)))
  return { port: (server.server.address() as AddressInfo).port, mails }
}

function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode })
}
