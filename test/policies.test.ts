import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { HostTable } from '../src/nftables/host-table.ts'
import { nftBy } from '../src/nftables/nft.ts'
import { readHostRule } from '../src/policy/host-rule.ts'
import { hasTools } from '../src/testing/loopback.ts'
import { run } from '../src/testing/programs.ts'
import { REPOSITORY } from '../src/testing/remora.ts'
import { Running } from '../src/testing/running.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'
import { CLIENT, type Machine, SERVER, twoMachines } from '../src/testing/two-machines.ts'
import { until } from '../src/testing/until.ts'
import type { PolicyList } from '../src/wire/policies.ts'

/** Does what requests with a path `/do/…` say, and prints what comes of it. */
const AGENT = `// Enforcer
var rules = {
  client: { block: { from: '${CLIENT}' }, ttl: '60s', reason: 'a scanner' },
  port: { block: { from: '${CLIENT}', ports: 8081 }, ttl: '60s' },
  allow: { allow: { to: '${SERVER}', from: '${CLIENT}', ports: [8080] }, ttl: '60s' },
  second: { block: { from: '${CLIENT}', ports: 8081 }, ttl: '3s' },
  world: { block: { to: '0.0.0.0/0', ports: 8081 } },
}
function run(name) {
  try {
    var parts = name.split('.')
    if (parts[0] === 'apply') return policy.apply(rules[parts[1]])
    if (parts[0] === 'preview') {
      var rule = JSON.parse(JSON.stringify(rules[parts[1]]))
      delete rule.ttl
      delete rule.reason
      return policy.preview(rule, '1h')
    }
    if (parts[0] === 'suggest') return policy.suggest('', '1h')
    if (parts[0] === 'filtered') return policy.suggest('http and request.path == "/two"', '1h')
    if (parts[0] === 'list') return policy.list()
    if (parts[0] === 'block') return hub.blockPod('cart', 'shop')
    if (parts[0] === 'remove') return policy.list().policies.map(function (each) { return policy.remove(each.name) })
  } catch (error) {
    return String(error)
  }
}
function onHubAction(action, object) {
  console.log(JSON.stringify({ name: object.name, id: object.id, answer: run(object.name) }))
}
function onItemCaptured(data) {
  if (data.request && data.request.path && data.request.path.indexOf('/do/') === 0) {
    var parts = data.request.path.split('/')
    hub.action('do', { name: parts[2], id: parts[3] })
  }
}
`

describe('policies on plain hosts', () => {
  test('what a preview lists is what is cut then, and nothing else', async (t) => {
    const lab = await start(t)
    if (lab === undefined) return
    const { client, server, ask, requests } = lab
    const paths = [8080, 8081].flatMap((port) => ['/one', '/two'].map((path) => ({ port, path })))
    for (const { port, path } of paths) {
      assert.equal(await client.reaches(SERVER, port, path), true)
      assert.equal(await server.reaches(CLIENT, port, path), true)
    }
    const seen = await requests((all) => all.length === 8)
    for (const [rule, left] of [
      ['port', ['server 8080', 'server 8081', 'client 8080']],
      ['allow', ['server 8080', 'server 8081', 'client 8080']],
      ['client', ['server 8080', 'server 8081']],
    ] as const) {
      const preview = await ask(`preview.${rule}`)
      const applied = await ask(`apply.${rule}`)
      assert.equal(applied.applied, true, JSON.stringify(applied))
      const cut = new Set<string>()
      for (const { port, path } of paths) {
        if (!(await client.reaches(SERVER, port, path))) cut.add(`${CLIENT} ${SERVER} ${port} ${path}`)
        if (!(await server.reaches(CLIENT, port, path))) cut.add(`${SERVER} ${CLIENT} ${port} ${path}`)
      }
      const listed = new Set<string>(
        seen.filter(({ id }) => preview.entries.includes(id)).map(({ name }) => name),
      )
      assert.deepEqual([...listed].sort(), [...cut].sort(), rule)
      assert.equal(left.length + cut.size / 2, 4, `${rule} cuts ${[...cut]}`)
      // Those of the rounds before are in it, too.
      assert.equal(preview.requests.cut, preview.entries.length)
      assert.equal(preview.entries.length % cut.size, 0)
      assert.equal(preview.moreEntries, 0)
      await ask('remove')
    }
  })

  test('the kernel lets go of a policy in time, also when Remora has been killed', async (t) => {
    const lab = await start(t)
    if (lab === undefined) return
    const { client, ask, tap, table } = lab
    const { expires } = await ask('apply.second')
    assert.ok(Date.parse(expires) > Date.now())
    assert.equal(await client.reaches(SERVER, 8081), false)
    await tap.stop('SIGKILL')
    assert.equal((await table.list()).length, 1)
    await until(() => client.reaches(SERVER, 8081))
    assert.deepEqual(await table.list(), [])
  })

  test('policies survive a restart, are counted, told on the console, and go with their agent', async (t) => {
    const lab = await start(t)
    if (lab === undefined) return
    const { client, ask, tap, args, folder, server, table } = lab
    const { name } = await ask('apply.port')
    assert.equal(await client.reaches(SERVER, 8081), false)
    await tap.says(/policy: block from 10\.77\.0\.1 to anywhere at tcp\/8081 is in force as remora-/)
    assert.equal(await tap.stop(), 0)
    assert.equal(await client.reaches(SERVER, 8081), false)
    const again = new Running(t, folder, args, SETTINGS, server.command())
    await again.says(/the API is at \S+,/)
    // Until this hub leads nobody knows of policies.
    const known = () => listed(again, server).catch(() => [])
    await until(async () =>
      (await known()).some((each) => each.name === name && (each.cut?.packets ?? 0) > 0),
    )
    const [policy] = await listed(again, server)
    assert.deepEqual(
      [policy?.agentTitle, policy?.summary],
      ['Enforcer', 'block from 10.77.0.1 to anywhere at tcp/8081'],
    )
    await server.read(`${again.apiUrl}/api/v1/agents/Enforcer/deactivate`, 'POST')
    await until(() => client.reaches(SERVER, 8081))
    assert.deepEqual(await table.list(), [])
    assert.deepEqual(await listed(again, server), [])

    await server.read(`${again.apiUrl}/api/v1/agents/Enforcer/activate`, 'POST')
    await table.enforce(name, readHostRule('block', { from: CLIENT, ports: 8081 }), 60_000)
    assert.equal(await again.stop(), 0)
    const off = new Running(t, folder, args, ['--set', 'scripting.allowEnforcement=false'], server.command())
    await off.says(/the API is at \S+,/)
    await until(() => client.reaches(SERVER, 8081))
  })

  test('blocks nothing where it is not allowed, and refuses what would cut too much', async (t) => {
    const lab = await start(t, ['--set', 'scripting.allowEnforcement=false'])
    if (lab === undefined) return
    const { client, ask, table } = lab
    assert.equal((await ask('apply.client')).text, 'blocking is disabled')
    assert.equal(await ask('block'), 'blocking is disabled')
    assert.equal((await ask('list')).enabled, false)
    assert.equal(await client.reaches(SERVER, 8080), true)
    assert.deepEqual(await table.list(), [])
  })

  test('a rule about the whole world needs a ttl, and pods are a matter of Kubernetes', async (t) => {
    const lab = await start(t)
    if (lab === undefined) return
    const { ask } = lab
    assert.match(await ask('apply.world'), /a rule about the whole world needs a ttl/)
    assert.match(await ask('block'), /there are no pods here: policies are about addresses/)
  })

  test('a worker that may not change nftables says what it lacks, and goes on capturing', async (t) => {
    const without = ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin']
    if (!hasTools(t, 'setpriv')) return
    const lab = await start(t, [], without)
    if (lab === undefined) return
    const { client, ask, tap, requests } = lab
    await tap.says(
      /policies cannot be put in force here.*capability NET_ADMIN is missing.*give it the capability/,
    )
    assert.match(await ask('apply.client'), /n1: .*the capability NET_ADMIN is missing/)
    assert.deepEqual((await ask('list')).policies, [])
    assert.equal(await client.reaches(SERVER, 8080, '/one'), true)
    await requests((all) => all.some(({ name }) => name.endsWith('/one')))
  })

  test('suggestions allow what was seen, and with a filter what matches it', async (t) => {
    const lab = await start(t)
    if (lab === undefined) return
    const { client, server, ask, requests, tap, folder } = lab
    assert.equal(await client.reaches(SERVER, 8080, '/one'), true)
    assert.equal(await client.reaches(SERVER, 8081, '/two'), true)
    await requests((all) => all.length === 2)
    const all = await ask('suggest')
    assert.deepEqual(all.rules, [
      { allow: { to: CLIENT, from: [SERVER], ports: ['tcp/8080'] } },
      { allow: { to: SERVER, from: [CLIENT], ports: ['tcp/8080', 'tcp/8081'] } },
    ])
    const filtered = await ask('filtered')
    assert.deepEqual(filtered.rules, [{ allow: { to: SERVER, from: [CLIENT], ports: ['tcp/8081'] } }])

    const remora = (...args: readonly string[]) => {
      const program = join(REPOSITORY, 'bin/remora.cjs')
      const [first = '', ...more] = server.command(
        process.execPath,
        program,
        'policies',
        ...args,
        '--hub-url',
        tap.apiUrl,
      )
      return run(first, more)
    }
    const suggested = await remora('suggest')
    assert.match(
      suggested.stdout,
      /to: 10\.77\.0\.2\n {2}from:\n {4}- 10\.77\.0\.1\n {2}ports:\n {4}- tcp\/8080/,
    )
    // What is suggested cuts nothing of what it was made of: all of it together, as it was printed.
    writeFileSync(join(folder, 'suggested.yaml'), suggested.stdout)
    const together = await remora('preview', join(folder, 'suggested.yaml'))
    assert.match(together.stdout, /^2 policies together would have cut 0 of \d+ requests\n/)
    writeFileSync(join(folder, 'rule.yaml'), `block: { from: ${CLIENT}, ports: 8081 }\n`)
    const preview = await remora('preview', join(folder, 'rule.yaml'))
    assert.match(preview.stdout, /at tcp\/8081 would have cut 1 of \d+ requests\n/)
    writeFileSync(join(folder, 'wrong.yaml'), 'block: { from: here }\n')
    const wrong = await remora('preview', join(folder, 'wrong.yaml'))
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /block: from: expected an address or a network/)
    const { name } = await ask('apply.port')
    const list = await remora()
    assert.match(list.stdout, new RegExp(`${name} +block from ${CLIENT} to anywhere at tcp/8081 +Enforcer`))
    assert.match((await remora('remove', name)).stdout, /is lifted/)
    assert.match((await remora('list')).stderr, /no policies are in force/)
  })
})

const SETTINGS = [
  ['--set', 'scripting.allowEnforcement=true'],
  ['--set', 'tap.enabledDissectors={http}'],
].flat()

async function start(t: TestContext, more: readonly string[] = [], within: readonly string[] = []) {
  const net = await twoMachines(t)
  if (net === undefined) return undefined
  const { client, server } = net
  await server.serve(8080, 8081, 8090)
  await client.serve(8080, 8081)
  const folder = await tempFolder(t)
  writeFileSync(join(folder, 'enforcer.js'), AGENT)
  writeFileSync(join(folder, 'remora.yaml'), 'scripting: { active: [Enforcer], source: . }\n')
  const args = ['tap', '--node-name', 'n1', '--interface', server.interface]
  const tap = new Running(t, folder, args, [...SETTINGS, ...more], server.command(...within))
  await tap.says(/the API is at \S+,/)
  let id = 0
  /** Has the agent do something: by a request to a port that no rule is about, from a machine that none is. */
  const ask = async (name: string) => {
    const path = `/do/${name}/${++id}`
    const answer = () =>
      tap.stdout
        .split('\n')
        .flatMap((line) => /\{"name":.*"id":"(\d+)".*\}$/.exec(line) ?? [])
        .find((line) => line.includes(`"id":"${id}"`))
    await server.reaches(CLIENT, 8080, path)
    await until(
      () => answer() !== undefined,
      () => `${path}: ${tap.stdout}${tap.stderr}`,
    )
    return JSON.parse(answer() ?? '').answer
  }
  const requests = async (are: (all: readonly Seen[]) => boolean) => {
    let all: Seen[] = []
    await until(
      async () => {
        all = await seenBy(tap, server)
        return are(all)
      },
      () => JSON.stringify(all),
    )
    return all
  }
  await until(async () => {
    await server.reaches(CLIENT, 8080, '/ready')
    return (await entriesOf(tap, server)).some(({ request }) => request.path === '/ready')
  })
  const table = new HostTable(nftBy(server.command('nft')))
  return { client, server, tap, args, folder, ask, requests, table }
}

interface Seen {
  readonly id: string
  readonly name: string
}

/** Requests that are kept, without those that have the agent do something. */
async function seenBy(tap: Running, server: Machine): Promise<Seen[]> {
  return (await entriesOf(tap, server))
    .filter(({ request }) => /^\/(one|two)$/.test(request.path))
    .map(({ id, src, dst, request }) => ({
      id,
      name: `${src.ip} ${dst.ip} ${dst.port} ${request.path}`,
    }))
}

async function entriesOf(tap: Running, server: Machine): Promise<readonly Entry[]> {
  return JSON.parse(await server.read(`${tap.apiUrl}/api/v1/entries?limit=1000`)).entries
}

interface Entry {
  readonly id: string
  readonly src: { readonly ip: string }
  readonly dst: { readonly ip: string; readonly port: string }
  readonly request: { readonly path: string }
}

async function listed(tap: Running, server: Machine): Promise<PolicyList['policies']> {
  return (JSON.parse(await server.read(`${tap.apiUrl}/api/v1/policies`)) as PolicyList).policies
}
