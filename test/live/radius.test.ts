import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Eap } from '../../src/dissectors/radius/eap.ts'
import { captureLoopback, hasTools } from '../../src/testing/loopback.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'

const SECRET = 'testing123'

test('RADIUS: FreeRADIUS and its clients', async (t) => {
  if (!hasTools(t, 'freeradius', 'radclient', 'radeapclient', 'tcpdump')) return
  const folder = await tempFolder(t)
  const ports = { auth: await freePort(), acct: await freePort(), coa: await freePort() }
  const server = await freeRadius(t, folder, ports)
  const { auth, acct, coa } = ports
  const filter = `udp and (port ${auth} or port ${acct} or port ${coa}) or tcp port ${auth}`
  const path = await captureLoopback(t, folder, filter, async () => {
    await radclient(auth, 'auth', 'User-Name=bob,User-Password=hello')
    await radclient(auth, 'auth', 'User-Name=bob,CHAP-Password=hello')
    await radclient(auth, 'auth', 'User-Name=bob,MS-CHAP-Password=hello')
    await radclient(auth, 'auth', 'User-Name=bob,User-Password=wrong')
    await radclient(auth, 'auth', EAP, [], SECRET, 'radeapclient')
    await radclient(auth, 'auth', 'User-Name=carol,User-Password=x')
    await radclient(auth, 'auth', 'User-Name=carol,User-Password=x,State=0x1234')
    for (const status of ['Start', 'Interim-Update', 'Stop'])
      await radclient(acct, 'acct', `User-Name=bob,Acct-Session-Id=s1,Acct-Status-Type=${status}`)
    await radclient(auth, 'status', 'Message-Authenticator=0x00')
    await radclient(coa, 'coa', 'User-Name=bob,Session-Timeout=60')
    await radclient(coa, 'disconnect', 'User-Name=nobody')
    await radclient(auth, 'auth', 'User-Name=dave,User-Password=hello', ['-P', 'tcp'])
    // The server does not answer who does not know the secret.
    await radclient(
      auth,
      'auth',
      'User-Name=eve,User-Password=x,Message-Authenticator=0x00',
      ['-r', '2'],
      'bad',
    )
  })
  const { entries, counters } = await readCapture(path as string)
  assert.deepEqual(counters.dissection.invalid, {})
  const told = entries
    .filter(({ protocol }) => protocol.name === 'radius')
    .map(({ protocol, base, response, error }) =>
      [
        protocol.layer4 === 'tcp' ? 'tcp ' : '',
        `${base.method} ${base.summary} `,
        `${(response as { codeName?: string } | null)?.codeName ?? error?.msg ?? 'again'}`,
      ].join(''),
    )
  assert.deepEqual(told.sort(), [
    'Access-Request bob Access-Accept',
    'Access-Request bob Access-Accept',
    'Access-Request bob Access-Accept',
    'Access-Request bob Access-Accept',
    'Access-Request bob Access-Challenge',
    'Access-Request bob Access-Reject',
    'Access-Request carol Access-Accept',
    'Access-Request carol Access-Challenge',
    'Access-Request eve again',
    'Access-Request eve no reply',
    'Accounting-Request bob Accounting-Response',
    'Accounting-Request bob Accounting-Response',
    'Accounting-Request bob Accounting-Response',
    'CoA-Request bob CoA-ACK',
    'Disconnect-Request nobody Disconnect-NAK',
    'Status-Server  Access-Accept',
    'tcp Access-Request dave Access-Accept',
  ])
  const attributes = entries
    .map(({ response }) => (response as { attributes?: Record<string, unknown> } | null)?.attributes)
    .find((each) => each?.['Cisco-AVPair'] !== undefined)
  assert.deepEqual(attributes, {
    'Reply-Message': 'Hello, bob',
    'Framed-IP-Address': '10.9.9.9',
    'Service-Type': 'Framed',
    'Tunnel-Type': 'VLAN',
    'Tunnel-Medium-Type': '802',
    'Tunnel-Private-Group-ID': '100',
    'Cisco-AVPair': ['shell:priv-lvl=15', 'ip:inacl#1=permit ip any any'],
    'WISPr-Bandwidth-Max-Up': 64000,
    'Delegated-IPv6-Prefix': '2001:db8::/56',
  })
  const eap = entries.flatMap(({ request, response }) =>
    [request, response].flatMap((message) => (message as { eap?: Eap | null } | null)?.eap ?? []),
  )
  assert.deepEqual(
    eap.map(({ code, type }) => `${code} ${type}`.trim()),
    ['Response Identity', 'Request MD5-Challenge', 'Response MD5-Challenge', 'Success'],
  )
  // The server counts what it was asked as we do.
  assert.equal((await server.log()).match(/^\(\d+\) Received /gm)?.length, 17)
})

/** A server with a configuration of its own, once it listens. */
async function freeRadius(
  t: TestContext,
  folder: string,
  { auth, acct, coa }: { readonly auth: number; readonly acct: number; readonly coa: number },
) {
  await mkdir(join(folder, 'run'))
  await writeFile(join(folder, 'dictionary'), '')
  await writeFile(join(folder, 'users'), USERS)
  await writeFile(join(folder, 'radiusd.conf'), configuration(folder, auth, acct, coa))
  const child = spawn('freeradius', ['-X', '-d', folder, '-n', 'radiusd'])
  const ended = once(child, 'close')
  t.after(async () => {
    child.kill()
    await ended
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  while (!said.includes('Ready to process requests') && child.exitCode === null) await setTimeout(50)
  if (child.exitCode !== null) throw new Error(`freeradius: ${said.slice(-2000)}`)
  return { log: async () => said }
}

const configuration = (folder: string, auth: number, acct: number, coa: number) => `
logdir = ${folder}
run_dir = ${folder}/run
libdir = /usr/lib/freeradius
pidfile = ${folder}/run/pid
security {
  status_server = yes
}
client localhost {
  ipaddr = 127.0.0.1
  proto = *
  secret = ${SECRET}
}
modules {
  pap {
  }
  chap {
  }
  mschap {
  }
  eap {
    default_eap_type = md5
    md5 {
    }
  }
  always ok {
    rcode = ok
  }
  always reject {
    rcode = reject
  }
  files {
    usersfile = ${folder}/users
  }
}
server default {
  ${listen('auth', auth, 'udp')}
  ${listen('auth', auth, 'tcp')}
  ${listen('acct', acct, 'udp')}
  ${listen('coa', coa, 'udp')}
  authorize {
    if (&User-Name == "carol" && !&State) {
      update control {
        Auth-Type := Accept
        Response-Packet-Type := Access-Challenge
      }
      update reply {
        State := 0x1234
        Reply-Message := "And now?"
      }
      return
    }
    eap {
      ok = return
    }
    chap
    mschap
    files
    pap
  }
  authenticate {
    eap
    Auth-Type PAP {
      pap
    }
    Auth-Type CHAP {
      chap
    }
    Auth-Type MS-CHAP {
      mschap
    }
  }
  accounting {
    ok
  }
  recv-coa {
    if (&User-Name == "nobody") {
      reject
    }
    ok
  }
}
`

const listen = (type: string, port: number, transport: string) => `listen {
    type = ${type}
    ipaddr = 127.0.0.1
    port = ${port}
    proto = ${transport}
  }`

const EAP = `User-Name = "bob"
Cleartext-Password = "hello"
EAP-Code = Response
EAP-Id = 210
EAP-Type-Identity = "bob"
Message-Authenticator = 0x00
`

const USERS = `
bob Cleartext-Password := "hello"
 Reply-Message = "Hello, bob",
 Framed-IP-Address = 10.9.9.9,
 Service-Type = Framed-User,
 Tunnel-Type:1 = VLAN,
 Tunnel-Medium-Type:1 = IEEE-802,
 Tunnel-Private-Group-Id:1 = "100",
 Cisco-AVPair = "shell:priv-lvl=15",
 Cisco-AVPair += "ip:inacl#1=permit ip any any",
 WISPr-Bandwidth-Max-Up = 64000,
 Delegated-IPv6-Prefix = 2001:db8::/56

carol Cleartext-Password := "x"

dave Cleartext-Password := "hello"
`

/** Sends one request, and waits for the reply or the end of its patience. */
async function radclient(
  port: number,
  command: string,
  attributes: string,
  options: readonly string[] = [],
  secret = SECRET,
  program = 'radclient',
): Promise<void> {
  const child = spawn(program, ['-t', '1', '-r', '1', ...options, `127.0.0.1:${port}`, command, secret])
  child.stdin.end(attributes)
  await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
}

/** A port that is free for UDP and TCP. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const socket = createSocket('udp4').bind(port, '127.0.0.1')
  await once(socket, 'listening')
  server.close()
  socket.close()
  return port
}
