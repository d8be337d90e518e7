import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startTestApi } from '../src/testing/api.ts'
import type { FakeHub } from '../src/testing/fake-hub.ts'
import { remora } from '../src/testing/remora.ts'
import { until } from '../src/testing/until.ts'
import type { JobView } from '../src/wire/jobs.ts'
import type { NodeView } from '../src/wire/views.ts'

describe('remora agents', () => {
  test('lists agents, and what they are', async (t) => {
    const { hub, url } = await startTestApi(t)
    assert.match((await remora(['agents', 'list', '--hub-url', url])).stdout, /^no agents; remora scripts/)
    await populate(hub)
    const { code, stdout } = await remora(['agents', 'list', '--hub-url', url])
    assert.equal(code, 0)
    assert.match(stdout, /^0 {2}DNS counter {2,}no node\n1 {2}Alerts {2,}inactive\n/m)
    const json = await remora(['agents', 'list', '--json', '--hub-url', url])
    const [first] = linesOf(json.stdout)
    assert.deepEqual([first?.type, first?.title, first?.code], ['agent', 'DNS counter', undefined])
  })

  test('shows the list again until Ctrl-C', async (t) => {
    const { hub, url } = await startTestApi(t)
    const { code } = await remora(['agents', 'list', '--watch', '--hub-url', url], {
      meanwhile: async (pid, output) => {
        await until(() => /no agents/.test(output()), output)
        await populate(hub)
        await until(() => /Alerts/.test(output()), output)
        process.kill(pid, 'SIGINT')
      },
    })
    assert.equal(code, 0)
  })

  test('finds agents by identity, index and title, and lists what a name may mean', async (t) => {
    const { hub, url } = await startTestApi(t)
    await populate(hub)
    const { id } = await hub.agent('Alerts')
    for (const name of [id, '1', ' Alerts '])
      assert.equal(
        (await remora(['agents', 'show', name, '--code', '--hub-url', url])).stdout,
        '// Alerts\nvar n = 2\n',
      )
    await hub.createAgent({ title: '1', code: '' }, 'ann')
    const several = await remora(['agents', 'show', '1', '--hub-url', url])
    assert.equal(several.code, 2)
    assert.match(
      several.stderr,
      new RegExp(`^remora: "1" is 2 agents: say which one by its identity\n {8}${id} {2}1 {2}Alerts\n`),
    )
    const none = await remora(['agents', 'show', 'Alert', '--hub-url', url])
    assert.deepEqual(
      [none.code, none.stderr],
      [2, 'remora: there is no agent "Alert"\n        did you mean "Alerts"?\n'],
    )
  })

  test('switches agents on and off, and deletes them', async (t) => {
    const { hub, url } = await startTestApi(t)
    await populate(hub)
    const on = await remora(['agents', 'activate', 'Alerts', '0', '--hub-url', url])
    assert.deepEqual([on.code, on.stdout], [0, 'activated 1 "Alerts"\nactivated 0 "DNS counter"\n'])
    assert.equal((await remora(['agents', 'deactivate', '0', '--hub-url', url])).code, 0)
    assert.deepEqual(
      (await hub.agents()).map(({ active }) => active),
      [false, true],
    )
    const wrong = await remora(['agents', 'delete', '0', 'nobody', '--hub-url', url])
    assert.deepEqual([wrong.code, (await hub.agents()).length], [2, 2], 'nothing is done when a name is none')
    assert.equal(
      (await remora(['agents', 'delete', '0', '--yes', '--hub-url', url])).stdout,
      'deleted 0 "DNS counter"\n',
    )
    assert.deepEqual(
      (await hub.agents()).map(({ title }) => title),
      ['Alerts'],
    )
  })

  test('takes an earlier version back', async (t) => {
    const { hub, url } = await startTestApi(t)
    await populate(hub)
    const { stdout } = await remora(['agents', 'history', 'Alerts', '--hub-url', url])
    assert.match(stdout, /^ {6}2 {2}\S+ {2}bob {2}Alerts\n {6}1 {2}\S+ {2}ann {2}Alerts$/m)
    const { code } = await remora(['agents', 'rollback', 'Alerts', '--hub-url', url])
    assert.deepEqual(
      [code, (await hub.agent('Alerts')).code, (await hub.agent('Alerts')).version],
      [0, '// Alerts\n', 3],
    )
    const old = await remora(['agents', 'history', 'Alerts', '--code', '2', '--hub-url', url])
    assert.equal(old.stdout, '// Alerts\nvar n = 2\n')
    assert.equal((await remora(['agents', 'rollback', 'Alerts', '9', '--hub-url', url])).code, 2)
    assert.equal((await remora(['agents', 'rollback', 'DNS counter', '--hub-url', url])).code, 2)
  })

  test('says how to call it when it is called wrongly', async () => {
    const { code, stderr } = await remora(['agents', 'list', '--bad'])
    assert.deepEqual(
      [code, stderr],
      [2, "remora: unknown option '--bad'\n        see remora agents list --help\n"],
    )
  })
})

describe('remora console', () => {
  test('B22 sends lines where their level says, whatever their text is', async (t) => {
    const { hub, url } = await startTestApi(t)
    hub.print({ text: 'user text [hub-0:ERROR] here', node: 'n1', index: 3 })
    hub.print({ text: 'bad', level: 'error', node: 'n1', index: 3 })
    hub.print({ text: 'careful\nin two lines', level: 'warn', node: 'n2' })
    const { code, stdout, stderr } = await remora(['console', '--no-follow', '--hub-url', url])
    assert.equal(code, 0)
    assert.equal(stdout, '[n1-3] user text [hub-0:ERROR] here\n[n2-0] careful\nin two lines\n')
    assert.equal(stderr, '[n1-3:ERROR] bad\n')
  })

  test('B22 goes on after the hub was away, says so once, and repeats and loses nothing', async (t) => {
    const first = await startTestApi(t)
    const port = Number(new URL(first.url).port)
    const kept = first.hub.print({ text: 'one' })
    const { code, stdout, stderr } = await remora(['console', '--hub-url', first.url], {
      meanwhile: async (pid, output) => {
        await until(() => /one/.test(output()), output)
        await first.api.close()
        await until(() => /trying again/.test(output()), output)
        const second = await startTestApi(t, { port })
        second.hub.lines.push(kept)
        second.hub.print({ text: 'two' })
        await until(() => /two/.test(output()), output)
        second.hub.print({ text: 'three' })
        await until(() => /three/.test(output()), output)
        process.kill(pid, 'SIGINT')
      },
    })
    assert.deepEqual([code, stdout], [0, '[fake-0] one\n[fake-0] two\n[fake-0] three\n'])
    assert.match(stderr, /^remora: .*; trying again\nremora: connected again\n$/)
  })

  test('shows what is asked for', async (t) => {
    const { hub, url } = await startTestApi(t)
    await populate(hub)
    const { id: agent } = await hub.agent('Alerts')
    const old = Date.now() - 3_600_000
    hub.print({ text: 'old of Alerts', agent, index: 1, title: 'Alerts', at: old })
    hub.print({ text: 'new of Alerts', agent, index: 1, title: 'Alerts' })
    hub.print({ text: 'Debug', level: 'debug', node: 'n2' })
    hub.print({ text: '', level: 'clear' })
    const shown = async (...flags: string[]) =>
      (await remora(['console', '--no-follow', '--hub-url', url, ...flags])).stdout
    assert.equal(await shown('--agent', '1'), '[fake-1] old of Alerts\n[fake-1] new of Alerts\n')
    assert.equal(await shown('--agent', 'Alerts', '--since', '10m'), '[fake-1] new of Alerts\n')
    assert.equal(
      await shown('--since', new Date(old).toISOString(), '--last', '3'),
      '[fake-1] new of Alerts\n[n2-0] Debug\n',
    )
    assert.equal(await shown('--node', 'n2', '--level', 'debug', '--text', 'DEB'), '[n2-0] Debug\n')
    const logs = await remora(['agents', 'logs', 'Alerts', '--no-follow', '--last', '1', '--hub-url', url])
    assert.equal(logs.stdout, '[fake-1] new of Alerts\n')
    const [line] = linesOf(await shown('--last', '2', '--json'))
    assert.deepEqual(
      [line?.type, line?.level, line?.text, line?.agent],
      ['console', 'debug', 'Debug', 'Agent 0'],
    )
    assert.equal((await remora(['console', '--since', 'yesterday', '--hub-url', url])).code, 2)
  })
})

describe('remora jobs', () => {
  test('B24 takes a job for the one of its agent, whatever other agents call theirs', async (t) => {
    const { hub, url } = await startTestApi(t)
    await populate(hub)
    const { id: alerts } = await hub.agent('Alerts')
    const { id: counter } = await hub.agent('DNS counter')
    for (const [agent, index, title] of [
      [counter, 0, 'DNS counter'],
      [alerts, 1, 'Alerts'],
    ] as const)
      for (const node of ['n1', 'n2']) hub.jobViews.push({ ...JOB, agent, index, title, node })
    const both = await remora(['jobs', 'remove', '--tag', 'report', '--hub-url', url])
    assert.equal(both.code, 2)
    assert.match(
      both.stderr,
      /2 agents have such jobs: 0 "DNS counter", 1 "Alerts"\n {8}remora jobs remove --agent/,
    )
    assert.deepEqual(
      hub.orders.map(({ order }) => order),
      ['list'],
    )
    const one = await remora(['jobs', 'remove', '--tag', 'report', '--agent', 'Alerts', '--hub-url', url])
    assert.deepEqual([one.code, one.stdout], [0, 'removed 2 jobs on 2 nodes\n'])
    assert.deepEqual(hub.orders.at(-1), { order: 'remove', selector: { agent: alerts, tag: 'report' } })
    assert.equal((await remora(['jobs', 'run', '--all', '--hub-url', url])).stdout, 'ran 4 jobs on 2 nodes\n')
  })

  test('lists them with their times, and stops and starts them', async (t) => {
    const { hub, url } = await startTestApi(t)
    assert.equal((await remora(['jobs', 'list', '--hub-url', url])).stdout, 'no jobs\n')
    hub.jobViews.push({ ...JOB, lastRun: Date.now() - 300_000, lastError: 'TypeError: x\nis not' })
    const { stdout } = await remora(['jobs', 'list', '--hub-url', url])
    assert.match(stdout, /^0 +DNS counter +report +0 \* \* \* \* \* +n1 +12 +0 +5 min ago +waiting$/m)
    assert.match(stdout, /^0 "DNS counter" report on n1: TypeError: x is not$/m)
    assert.equal((await remora(['jobs', 'stop', '--node', 'n1', '--hub-url', url])).stdout, 'stopped on n1\n')
    assert.equal((await remora(['jobs', 'run', '--tag', 'no', '--hub-url', url])).code, 2)
    assert.deepEqual(
      linesOf((await remora(['jobs', 'list', '--json', '--hub-url', url])).stdout)[0]?.tag,
      'report',
    )
  })
})

describe('remora entries', () => {
  test('prints the newest that match, in the order of time', async (t) => {
    const { hub, url } = await startTestApi(t)
    hub.see(...[1, 2, 3, 4].map((each) => entry(each, 200)), entry(5, 500))
    const { code, stdout } = await remora(['entries', '--limit', '2', '--hub-url', url])
    assert.equal(code, 0)
    assert.equal(
      stdout,
      `01-01 00:00:04.000 HTTP     10.0.0.1:4000 → shop:80  GET /4  200  12 ms
01-01 00:00:05.000 HTTP     10.0.0.1:4000 → shop:80  GET /5  500  12 ms
`,
    )
    const failed = await remora(['entries', 'response.status >= 500', '--json', '--hub-url', url])
    assert.equal(failed.stdout, `${entry(5, 500)}\n`)
  })

  test('says whose entries are missing, and that a filter is none', async (t) => {
    const { hub, url } = await startTestApi(t)
    hub.missing.push('n7')
    const none = await remora(['entries', '--hub-url', url])
    assert.deepEqual(
      [none.code, none.stderr],
      [0, 'remora: no answer from n7: their entries are missing\nremora: no entries match\n'],
    )
    const wrong = await remora(['entries', 'http and (', '--hub-url', url])
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /^remora: .*1:\d+/)
  })

  test('prints those that come, and how many it could not show', async (t) => {
    const { hub, url } = await startTestApi(t)
    const { code, stdout, stderr } = await remora(['entries', '--follow', '--json', '--hub-url', url], {
      meanwhile: async (pid, output) => {
        await until(() => hub.watchers > 0, output)
        hub.see(entry(1, 200))
        hub.pass({ node: 'n1', entries: [entry(2, 200)], dropped: 7 })
        await until(() => /7 more/.test(output()), output)
        process.kill(pid, 'SIGINT')
      },
    })
    assert.deepEqual([code, stdout], [0, `${entry(1, 200)}\n${entry(2, 200)}\n`])
    assert.match(stderr, /^remora: 7 more matched on n1, too many to show them/)
  })
})

describe('remora nodes', () => {
  test('says which nodes there are and how they do, one or all', async (t) => {
    const { hub, url } = await startTestApi(t)
    hub.nodeViews.push(NODE, { ...NODE, node: 'hub', component: 'hub', leading: true, silentMs: 9000 })
    const { stdout } = await remora(['nodes', '--hub-url', url])
    assert.match(stdout, /^n1 +worker +clock is 4\.00 s ahead +0 of 0 +7 +1 h 0 min +0\.2\.0$/m)
    assert.match(stdout, /^hub +hub, leads +silent for 9\.00 s/m)
    const one = await remora(['nodes', 'n1', '--hub-url', url])
    assert.match(one.stdout, /^ {2}packets {2}1,234,567$/m)
    assert.equal((await remora(['nodes', 'n9', '--hub-url', url])).code, 2)
  })
})

async function populate(hub: FakeHub): Promise<void> {
  await hub.createAgent({ title: 'DNS counter', code: '// DNS counter\n', active: true }, 'ann')
  await hub.createAgent({ title: 'Alerts', code: '// Alerts\n' }, 'ann')
  await hub.updateAgent('Alerts', { code: '// Alerts\nvar n = 2\n' }, 'bob')
}

function linesOf(stdout: string): Record<string, unknown>[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

function entry(second: number, status: number): string {
  return JSON.stringify({
    timestamp: second * 1000,
    protocol: { name: 'http', abbr: 'HTTP' },
    src: { ip: '10.0.0.1', port: '4000', name: '' },
    dst: { ip: '10.0.0.2', port: '80', name: 'shop' },
    response: { status },
    base: { method: 'GET', summary: `/${second}`, status },
    elapsedTime: 12_000,
  })
}

const JOB: JobView = {
  agent: 'agent-0',
  index: 0,
  title: 'DNS counter',
  node: 'n1',
  tag: 'report',
  cron: '0 * * * * *',
  limit: 0,
  scope: 'node',
  status: 'waiting',
  runs: 12,
  failures: 0,
  lastRun: null,
  lastDurationMs: null,
  lastError: null,
  nextRun: null,
}

const NODE: NodeView = {
  node: 'n1',
  boot: 'b',
  component: 'worker',
  address: '10.0.0.1:49100',
  version: '0.2.0',
  generation: 7,
  startedAt: 0,
  now: 3_600_000,
  leading: false,
  agents: [],
  counters: { packets: 1_234_567 },
  health: {},
  skewMs: 4000,
  silentMs: 100,
}
