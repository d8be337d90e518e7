import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Entry } from '../../src/entry/entry.ts'
import { captureLoopback, hasTools, succeeds } from '../../src/testing/loopback.ts'
import { freePort } from '../../src/testing/ports.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { withFiles } from '../../src/testing/remora.ts'

const suffix = 'dc=example,dc=org'
const people = `ou=people,${suffix}`
const admin = ['-x', '-D', `cn=admin,${suffix}`, '-w', 'secret-of-admin']
const ann = ['-x', '-D', `uid=ann,${people}`, '-w', 'secret-of-ann']

describe('slapd and its clients', () => {
  test('every operation is shown as the server logs it', async (t) => {
    await withServer(t, async ({ run, entriesOf, log }) => {
      const entries = await entriesOf(async () => {
        await run('ldapadd', [...admin], 0, PEOPLE)
        await run(
          'ldapadd',
          [...admin],
          68,
          `dn: ${suffix}\nobjectClass: dcObject\nobjectClass: organization\no: x\ndc: example\n`,
        )
        await run('ldapsearch', [
          ...admin,
          '-b',
          suffix,
          '(&(objectClass=inetOrgPerson)(|(cn=A*n)(!(sn>=B))))',
          'cn',
          'mail',
        ])
        await run('ldapsearch', [...ann, '-b', suffix, '-s', 'sub', '-z', '1', '(objectClass=*)'], 4)
        await run('ldapsearch', [...ann, '-b', people, '-E', 'pr=3/noprompt', '(uid=*)'])
        await run('ldapsearch', ['-x', '-b', '', '-s', 'base', '+'])
        await run('ldapsearch', [...ann, '-b', 'dc=nowhere'], 32)
        await run('ldapsearch', [...ann, '-b', people, '(cn:caseExactMatch:=B\\28\\2a\\29)'])
        await run(
          'ldapmodify',
          [...admin],
          0,
          `dn: uid=ann,${people}\nchangetype: modify\nreplace: mail\nmail: a@example.org\n-\nadd: jpegPhoto\njpegPhoto:: AAEC/w==\n`,
        )
        await run('ldapmodify', [...admin], 16, `dn: uid=ann,${people}\nchangetype: modify\ndelete: title\n`)
        await run('ldapcompare', [...ann, `uid=ann,${people}`, 'mail:a@example.org'], 6)
        await run('ldapcompare', [...ann, `uid=ann,${people}`, 'mail:b@example.org'], 5)
        await run('ldapmodrdn', [...admin, '-r', `uid=p1,${people}`, 'uid=renamed'])
        await run('ldapdelete', [...admin, `uid=p2,${people}`])
        await run('ldapdelete', [...admin, people], 66)
        await run('ldapwhoami', [...ann])
        await run('ldapwhoami', ['-x'])
        await run('ldappasswd', [...admin, '-s', 'secret-of-ann', `uid=ann,${people}`])
        await run('ldapexop', [...ann, '1.2.3.4'], 1)
        await run('ldapwhoami', ['-x', '-D', `uid=ann,${people}`, '-w', 'secret-of-none'], 49)
        await run('ldapwhoami', ['-Y', 'SCRAM-SHA-256', '-U', 'ann', '-w', 'secret-of-ann'])
      })
      assert.deepEqual(entries.map(told).sort(), logged(log()).sort())
      assert.ok(entries.length > 70)
      const shown = JSON.stringify(
        entries.map(({ request, response }) => [fieldsOf(request), fieldsOf(response)]),
      )
      assert.doesNotMatch(shown, /secret-of/)
      assert.match(shown, /\(&\(objectClass=inetOrgPerson\)\(\|\(cn=A\*n\)\(!\(sn>=B\)\)\)\)/)
      assert.match(
        shown,
        /"cn:caseExactMatch:=B\\\\28\\\\2a\\\\29|\(cn:caseExactMatch:=B\\\\28\\\\2a\\\\29\)/,
      )
      assert.match(shown, /\{"base64":"AAEC\/w=="\}/)
      assert.match(shown, /"name":"Paged Results","critical":false,"size":3/)
    })
  })

  test('after StartTLS there is TLS', async (t) => {
    await withServer(t, async ({ run, entriesOf, environment }) => {
      const entries = await entriesOf(async () => {
        await run('ldapwhoami', ['-ZZ', ...ann], 0, '', environment)
        await run('ldapsearch', ['-ZZ', ...ann, '-b', suffix], 0, '', environment)
      })
      const rows = entries.map(
        ({ protocol, base: { method, status } }) => `${protocol.name} ${method} ${status}`,
      )
      const each = ['ldap Extended Request 0', 'tlsx ClientHello 0']
      assert.deepEqual(rows, [...each, ...each])
    })
  })

  test('what SASL only signs is read, what it encrypts is passed over', async (t) => {
    await withServer(t, async ({ run, entriesOf }) => {
      const login = ['-Y', 'DIGEST-MD5', '-U', 'ann', '-w', 'secret-of-ann']
      const entries = await entriesOf(async () => {
        await run('ldapsearch', [...login, '-O', 'minssf=1,maxssf=1', '-b', suffix, '(uid=ann)'])
        await run('ldapsearch', [...login, '-O', 'minssf=128', '-b', suffix, '(uid=ann)'])
      })
      assert.deepEqual(entries.map(told), [
        'Bind Request  14',
        'Bind Request  0',
        `Search Request ${suffix} 0 1`,
        'Unbind Request  0',
        'Bind Request  14',
        'Bind Request  0',
      ])
    })
  })
})

interface Server {
  /** Runs a client, which must end with this code. */
  run(
    tool: string,
    args: readonly string[],
    code?: number,
    stdin?: string,
    environment?: NodeJS.ProcessEnv,
  ): Promise<void>
  /** The entries of what goes on meanwhile. */
  entriesOf(use: () => Promise<void>): Promise<readonly Entry[]>
  /** What the server has logged since then. */
  log(): string
  readonly environment: NodeJS.ProcessEnv
}

async function withServer(t: TestContext, use: (server: Server) => Promise<void>): Promise<void> {
  if (!hasTools(t, 'tcpdump', 'slapd', 'ldapsearch', 'openssl')) return
  const mechanisms = 'ls /usr/lib/*/sasl2/libdigestmd5.so /usr/lib/*/sasl2/libscram.so'
  if (!succeeds(t, 'libsasl2-modules', mechanisms)) return
  await withFiles({ 'people.ldif': TREE }, async (folder) => {
    mkdirSync(join(folder, 'db'))
    const port = await freePort()
    const url = `ldap://127.0.0.1:${port}`
    const certificate = ['-keyout', 'key.pem', '-out', 'cert.pem', '-days', '2', '-subj', '/CN=localhost']
    const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...certificate, ...names], {
      cwd: folder,
    })
    writeConfiguration(folder)
    const slapd = spawn('slapd', ['-f', 'slapd.conf', '-h', url, '-d', '256'], { cwd: folder })
    let log = ''
    slapd.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString()
    })
    try {
      while (!log.includes('slapd starting') && slapd.exitCode === null) await setTimeout(20)
      assert.equal(slapd.exitCode, null, log)
      let before = 0
      const run: Server['run'] = (tool, args, code = 0, stdin = '', environment = {}) =>
        client(tool, ['-H', url, ...args], code, stdin, { ...process.env, ...environment })
      await run('ldapadd', [...admin, '-f', join(folder, 'people.ldif')])
      // It logs the end of that when it gets to it.
      while (!log.includes(' UNBIND')) await setTimeout(20)
      await use({
        run,
        environment: { LDAPTLS_CACERT: join(folder, 'cert.pem') },
        log: () => log.slice(before),
        async entriesOf(traffic) {
          before = log.length
          const path = await captureLoopback(t, folder, `tcp port ${port}`, traffic)
          const { entries, counters } = await readCapture(path as string)
          assert.deepEqual(counters.dissection.invalid, {})
          for (const { base, error, response } of entries)
            if (base.method !== 'Unbind Request')
              assert.deepEqual([error, response === null], [null, false], base.method)
          return entries
        },
      })
    } finally {
      await stop(slapd)
    }
  })
}

async function client(
  tool: string,
  args: readonly string[],
  expected: number,
  stdin: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const child = spawn(tool, args, { stdio: ['pipe', 'pipe', 'pipe'], env })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
  child.stdin.end(stdin)
  const [code] = await once(child, 'close')
  assert.equal(code, expected, `${tool} ${args.join(' ')}: ${said}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGTERM')
  await closed
}

/** `Search Request dc=example,dc=org 0 3` */
function told({ base: { method, summary, status }, request, response }: Entry): string {
  const oid = fieldsOf(request).oid
  const found = method === 'Search Request' ? ` ${fieldsOf(response).entryCount}` : ''
  return `${method} ${oid === '' ? summary : oid} ${status}${found}`
}

/** The same as the server has logged it. */
function logged(log: string): string[] {
  const operations = new Map<string, { what: string; outcome: string }>()
  for (const [, id = '', line = ''] of log.matchAll(/(conn=\d+ op=\d+) (.*)/g)) {
    const asked = /^([A-Z]+)(?: (?:dn|base|oid)="?([^" ]*)"?)?/.exec(line)
    const name = METHODS[asked?.[1] ?? '']
    if (name !== undefined && !operations.has(id))
      operations.set(id, { what: `${name} ${asked?.[2] ?? ''}`, outcome: '0' })
    const result = /RESULT .*err=(\d+)(?:.* nentries=(\d+))?/.exec(line)
    const operation = operations.get(id)
    if (result !== null && operation !== undefined)
      operation.outcome = result[2] === undefined ? `${result[1]}` : `${result[1]} ${result[2]}`
  }
  return [...operations.values()].map(({ what, outcome }) => `${what} ${outcome}`)
}

const METHODS: Readonly<Record<string, string>> = {
  BIND: 'Bind Request',
  UNBIND: 'Unbind Request',
  SRCH: 'Search Request',
  MOD: 'Modify Request',
  ADD: 'Add Request',
  DEL: 'Del Request',
  MODRDN: 'Modify DN Request',
  CMP: 'Compare Request',
  EXT: 'Extended Request',
}

/** All fields of a message. */
function fieldsOf(message: object | null): Record<string, unknown> {
  if (message === null) return {}
  const names = Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(message)))
    .filter(([, { get }]) => get !== undefined)
    .map(([name]) => name)
  return Object.fromEntries(names.map((name) => [name, (message as Record<string, unknown>)[name]]))
}

function writeConfiguration(folder: string): void {
  const schemas = ['core', 'cosine', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema`)
  const lines = [
    ...schemas,
    'modulepath /usr/lib/ldap',
    'moduleload back_mdb',
    `TLSCertificateFile ${folder}/cert.pem`,
    `TLSCertificateKeyFile ${folder}/key.pem`,
    // DIGEST-MD5 and SCRAM want to know the passwords.
    'password-hash {CLEARTEXT}',
    'sasl-host localhost',
    `authz-regexp "^uid=([^,]+),cn=[^,]+,cn=auth$" "uid=$1,${people}"`,
    'database mdb',
    `suffix ${suffix}`,
    `rootdn cn=admin,${suffix}`,
    'rootpw secret-of-admin',
    `directory ${folder}/db`,
  ]
  writeFileSync(join(folder, 'slapd.conf'), `${lines.join('\n')}\n`)
}

const TREE = `dn: ${suffix}
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ${people}
objectClass: organizationalUnit
ou: people

dn: uid=ann,${people}
objectClass: inetOrgPerson
uid: ann
cn: Ann
sn: A
userPassword: secret-of-ann
`

const PEOPLE = Array.from(
  { length: 8 },
  (_, n) => `dn: uid=p${n},${people}
objectClass: inetOrgPerson
uid: p${n}
cn: Änne ${n}
sn: ${n}
userPassword: secret-of-p${n}
`,
).join('\n')
