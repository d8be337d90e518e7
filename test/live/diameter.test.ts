import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { DiameterMessage } from '../../src/dissectors/diameter/message.ts'
import { avp, diameterMessage } from '../../src/testing/diameter-messages.ts'
import { captureLoopback, hasTools } from '../../src/testing/loopback.ts'
import { freePort } from '../../src/testing/ports.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'

/** b is the realm's server, a relays to it, and c, which is ours, asks. */
test('Diameter: two freeDiameter daemons, and a client that one relays for', async (t) => {
  if (!hasTools(t, 'freeDiameterd', 'openssl', 'tcpdump')) return
  const folder = await tempFolder(t)
  const ports = { a: await freePort(), b: await freePort() }
  await writeFile(join(folder, 'allowed.conf'), 'ALLOW_IPSEC *.example.net\n')
  const path = await captureLoopback(t, folder, `tcp port ${ports.a} or tcp port ${ports.b}`, async () => {
    const b = await daemon(t, folder, 'b', ports.b, '')
    const a = await daemon(t, folder, 'a', ports.a, peer('b', ports.b))
    await a.says(/-> 'STATE_OPEN'\s+'b\.example\.net'/)
    const client = await connected(ports.a)
    client.write(CAPABILITIES)
    await a.says(/-> 'STATE_OPEN'\s+'c\.example\.net'/)
    client.write(Buffer.concat([CREDIT_CONTROL, LOGIN]))
    // Daemons ask each other whether they are still there, every six seconds or so.
    await a.says(/'b\.example\.net':\n[^\n]*'Device-Watchdog-Answer'/)
    client.write(DISCONNECT)
    await once(client, 'data')
    client.end()
    await once(client, 'close')
    await a.stop()
    await b.stop()
    logged = a.messages()
  })
  const { exchanges, counters } = await readCapture(path as string)
  assert.deepEqual(counters.dissection.invalid, {})
  const messages = exchanges
    .filter(({ dissector }) => dissector.name === 'diameter')
    .flatMap(({ request, response }) => [request, response])
    .filter((each) => each !== null) as DiameterMessage[]
  assert.deepEqual(messages.map(told).sort(), logged.sort())
  assert.ok(exchanges.every(({ request, response, error }) => request && response && error === null))
  assert.ok(messages.some(({ flags, resultName }) => flags === '--E-' && resultName.startsWith('DIAMETER_')))
})

let logged: string[] = []

/** As the daemon's log has it: `Device-Watchdog-Request R--- 12 Origin-Host Origin-Realm`. */
function told({ method, flags, hopByHopId, avps }: DiameterMessage): string {
  const kind = flags.startsWith('R') ? 'Request' : 'Answer'
  return [`${method}-${kind}`, flags, hopByHopId, ...avps.map(({ name }) => name)].join(' ')
}

const ORIGIN = [avp(264, 'c.example.net'), avp(296, 'example.net')]
const CAPABILITIES = diameterMessage(
  [
    ...ORIGIN,
    avp(257, Buffer.from('00017f000001', 'hex')),
    avp(266, 0),
    avp(269, 'Client'),
    avp(258, 0xffffffff),
  ],
  { code: 257, flags: 0x80, id: 1, application: 0 },
)
const DISCONNECT = diameterMessage([...ORIGIN, avp(273, 0)], {
  code: 282,
  flags: 0x80,
  id: 9,
  application: 0,
})
const CREDIT_CONTROL = request(272, 4, [avp(258, 4), avp(461, 'x@example.net'), avp(416, 1), avp(415, 0)])
const LOGIN = request(265, 1, [avp(258, 1), avp(274, 1), avp(1, 'bob'), avp(2, 'secret')])

function request(code: number, application: number, avps: readonly Uint8Array[]): Buffer {
  const target = [avp(283, 'example.net'), avp(293, 'b.example.net')]
  return diameterMessage([avp(263, `c.example.net;1;${code}`), ...ORIGIN, ...target, ...avps], {
    ...{ code, application, id: code },
  })
}

/** A client of a daemon, which says that it is still there when it is asked. */
async function connected(port: number): Promise<Socket> {
  const client = connect(port, '127.0.0.1')
  await once(client, 'connect')
  client.on('data', (bytes: Buffer) => {
    if (bytes.readUIntBE(5, 3) !== 280 || bytes.readUInt8(4) < 0x80) return
    const answer = diameterMessage([avp(268, 2001), ...ORIGIN], { code: 280, flags: 0, application: 0 })
    bytes.copy(answer, 12, 12, 20)
    client.write(answer)
  })
  return client
}

const peer = (name: string, port: number) =>
  `ConnectPeer = "${name}.example.net" { ConnectTo = "127.0.0.1"; No_TLS; Port = ${port}; };`

/** A daemon with a certificate of its own, once it listens. */
async function daemon(t: TestContext, folder: string, name: string, port: number, more: string) {
  const [certificate, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
  const subject = ['-subj', `/CN=${name}.example.net`, '-addext', `subjectAltName=DNS:${name}.example.net`]
  const made = ['-nodes', '-days', '2', '-keyout', key, '-out', certificate]
  const { status } = spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...made, ...subject])
  assert.equal(status, 0, 'openssl')
  const extensions = '/usr/lib/freeDiameter'
  await writeFile(
    join(folder, `${name}.conf`),
    `
Identity = "${name}.example.net";
Realm = "example.net";
Port = ${port};
SecPort = 0;
No_SCTP;
No_IPv6;
ListenOn = "127.0.0.1";
TwTimer = 6;
TcTimer = 2;
TLS_Cred = "${certificate}", "${key}";
TLS_CA = "${certificate}";
LoadExtension = "${extensions}/dict_nasreq.fdx";
LoadExtension = "${extensions}/dict_dcca.fdx";
LoadExtension = "${extensions}/dbg_msg_dumps.fdx" : "0x0888";
LoadExtension = "${extensions}/acl_wl.fdx" : "${join(folder, 'allowed.conf')}";
${more}
`,
  )
  const child = spawn('freeDiameterd', ['-c', join(folder, `${name}.conf`)])
  const ended = once(child, 'close')
  const stop = async () => {
    child.kill('SIGINT')
    await ended
  }
  t.after(stop)
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const says = async (words: RegExp) => {
    for (const end = Date.now() + PATIENCE_MS; !words.test(said); await setTimeout(50))
      if (child.exitCode !== null || Date.now() > end)
        throw new Error(`${name} does not say ${words}: ${said.slice(-2000)}`)
  }
  await says(/freeDiameterd daemon initialized/)
  return { says, stop, messages: () => messagesIn(said) }
}

/** The messages that a daemon has sent and received, as `told` has ours. */
function messagesIn(log: string): string[] {
  const lines = log.replaceAll(/^[\d:]+ +\w+ {3}/gm, '')
  return lines
    .split(/^(?:SND to|RCV from) [^\n]*:\n/m)
    .slice(1)
    .map((rest) => {
      const [text = ''] = rest.split(/^\S/m)
      const [, name] = /^ +'([^']+)'/.exec(text) ?? []
      const [, flags] = /Flags: \S+ \((\S+)\)/.exec(text) ?? []
      const [, id] = /Hop-by-Hop Identifier: (\S+)/.exec(text) ?? []
      const avps = [...text.matchAll(/^ {8}AVP: '([^']+)'/gm)].map(([, avp]) => avp)
      return [name, flags, Number(id), ...avps].join(' ')
    })
}

const PATIENCE_MS = 15_000
