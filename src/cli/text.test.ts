import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AgentView } from '../wire/views.ts'
import { agentPage, agentsTable } from './agent-table.ts'
import { jobsTable } from './commands/jobs.ts'
import { nodesTable } from './commands/nodes.ts'
import { lineText } from './console-output.ts'
import { entryLine } from './entry-line.ts'
import { table } from './table.ts'
import { consoleText, distance, fitted, momentOf, printable, wholeNumber } from './text.ts'

const NOW = Date.UTC(2026, 10, 26, 12)
const LONG = 'a name that is much longer than anybody would like to see it in a table of one hundred columns'

describe('what commands print', () => {
  test('understands times as people write them', () => {
    const ago = (text: string) => NOW - momentOf(text, '--since', NOW)
    assert.deepEqual(
      ['10m', '1h30m', '90s', '1.5h', '2d', '250ms'].map(ago),
      [600_000, 5_400_000, 90_000, 5_400_000, 172_800_000, 250],
    )
    assert.equal(momentOf('2026-11-26T13:00:00+01:00', '--since', NOW), NOW)
    assert.equal(momentOf('2026-11-26', '--since', NOW), Date.UTC(2026, 10, 26))
    for (const text of ['', 'yesterday', '10', '10 m', '-5m', '10x', '2026-13-01'])
      assert.throws(() => momentOf(text, '--since', NOW), { code: 'E_USAGE' }, text)
  })

  test('takes whole numbers only', () => {
    assert.equal(wholeNumber('100', '--last'), 100)
    for (const text of ['', '-1', '1.5', '1e3', '99999999999'])
      assert.throws(() => wholeNumber(text, '--last'), { code: 'E_USAGE' }, text)
  })

  test('says how far away something is', () => {
    assert.deepEqual(
      [NOW + 5200, NOW, NOW - 99_000, NOW - 125_000, NOW + 7_300_000, NOW - 3e8].map((at) =>
        distance(at, NOW),
      ),
      ['in 5 s', '0 s ago', '99 s ago', '2 min ago', 'in 2 h', '3 d ago'],
    )
  })

  test('lets nothing through that a terminal would obey', () => {
    assert.equal(printable('red \x1b[31mtext\x1b]0;title\x07\r\n\x00next \u2028 line'), 'red text next line')
    assert.equal(fitted('a long title', 7), 'a long…')
  })

  test('fits tables into 100 columns, whatever names are', () => {
    const tables = [
      agentsTable([agent(LONG)], true),
      agentPage(agent(LONG)).split('\n').slice(7, 9).join('\n'),
      jobsTable([JOB], NOW),
      nodesTable([NODE, { ...NODE, component: 'hub', leading: true, skewMs: -123_456 }]),
    ]
    for (const line of tables.join('\n').split('\n')) assert.ok(line.length <= 100, `${line.length}: ${line}`)
  })

  test('says of an agent how many of its nodes run its version', () => {
    const view = agent('A')
    const [node] = view.nodes
    assert.ok(node !== undefined)
    const old = { ...node, node: 'n2', version: 6 }
    const state = (change: Partial<AgentView>) => agentsTable([{ ...view, ...change }], false).split('\n')[1]
    assert.match(state({}) ?? '', /^0 {2}A {6,}running /)
    assert.match(state({ active: false, nodes: [] }) ?? '', /inactive$/)
    assert.match(state({ nodes: [] }) ?? '', /no node$/)
    assert.match(state({ nodes: [node, old] }) ?? '', /1 of 2 running/)
    assert.match(agentsTable([{ ...view, nodes: [node, old] }], false), /^ +n2 +still version 6 /m)
  })

  test('prints an entry on a line that fits, and what is none as it is', () => {
    const json = JSON.stringify({
      timestamp: NOW,
      protocol: { abbr: 'HTTP' },
      src: { ip: '::1', port: '4000', name: '' },
      dst: { ip: '10.0.0.2', port: '80', name: 'shop' },
      base: { method: 'GET', summary: `/${'x'.repeat(200)}`, status: 200 },
      elapsedTime: 124,
    })
    const line = entryLine(json, 100)
    assert.equal(line.length, 100)
    assert.match(line, /^11-26 12:00:00\.000 HTTP {5}\[::1\]:4000 → shop:80 {2}GET \/x+… {2}200 {2}124 µs$/)
    const inCluster = json.replace('"name":"shop"', '"name":"cart","namespace":"shop"')
    assert.match(entryLine(inCluster, 100), / → cart\.shop:80 {2}GET /)
    for (const text of ['no JSON', '{}', '[]', 'null']) assert.equal(entryLine(text, 100), text)
  })
})

function agent(title: string): AgentView {
  const state = {
    ...{ id: 'i', component: 'worker' as const, version: 7, state: 'running' as const, reason: '' },
    ...{
      calls: 1e9,
      callsPerSecond: 99_999,
      errors: 1_000_000,
      cpuMs: 1,
      cpu: 1,
      waitMs: 0,
      memoryBytes: 1e9,
    },
    ...{
      received: 1,
      delivered: 1,
      dropped: { late: 1e9 },
      jobRuns: 0,
      jobErrors: 0,
      lines: 1e9,
      faults: [],
    },
  }
  return {
    ...{
      id: 'i',
      index: 0,
      title,
      code: '',
      active: true,
      version: 7,
      hash: '',
      createdAt: '',
      updatedAt: '',
    },
    updatedBy: 'ann',
    nodes: [{ ...state, node: title === 'A' ? 'n1' : LONG }],
  }
}

const JOB = {
  ...{ agent: 'i', index: 10, title: LONG, node: LONG, tag: LONG, cron: '0 */15 8-18 * * MON-FRI', limit: 0 },
  ...{
    scope: 'node' as const,
    status: 'finished' as const,
    runs: 1234,
    failures: 12,
    lastRun: NOW - 125_000,
  },
  ...{ lastDurationMs: 1, lastError: null, nextRun: NOW + 125_000 },
}

const NODE = {
  ...{
    node: LONG,
    boot: '',
    component: 'worker' as const,
    address: '10.100.100.100:49100',
    version: '0.2.0',
  },
  ...{ generation: 1234, startedAt: 0, now: 7.2e6, leading: false, agents: [], counters: {}, health: {} },
  ...{ skewMs: 0, silentMs: 0 },
}

describe('what others have written', () => {
  const evil = 'a\x1b[2Jb\x1b]0;owned\x07c\x9b31md\re\nf\u202eg\x1b]52;c;ZXZpbA==\x1b\\h\x00i'

  test('does nothing to a terminal, wherever it stands', () => {
    const entry = JSON.stringify({
      timestamp: NOW,
      protocol: { abbr: evil },
      src: { ip: evil, port: evil, name: evil },
      dst: { ip: '', name: evil },
      base: { method: evil, summary: evil, status: evil },
    })
    const texts = [
      printable(evil),
      table([[evil, 1]]),
      table([['fine', evil]]),
      entryLine(entry, 300),
      entryLine(`no entry ${evil}`, 300),
    ]
    for (const text of texts) assert.doesNotMatch(text, /\p{Cc}|\u202e/u)
  })

  test('keeps its lines, tabs and colours on the console, and nothing else', () => {
    assert.equal(consoleText('plain\n\ttext äöü 🐟'), 'plain\n\ttext äöü 🐟')
    assert.equal(consoleText('\x1b[31mred\x1b[1;38;5;200m!\x1b[0m'), '\x1b[31mred\x1b[1;38;5;200m!\x1b[0m')
    assert.doesNotMatch(consoleText(evil).replaceAll('\n', ''), /\p{Cc}|\u202e/u)
    assert.ok(consoleText(`\x1b[31m${evil}`).startsWith('\x1b[31mab'))
  })

  test('cannot pass for a line of another agent by the name of its node', () => {
    const line = { id: '', at: 0, agent: '', index: 1, title: '', level: 'log', text: 'x' } as const
    assert.equal(lineText({ ...line, node: 'n\n[other-0] \x1b[1A' }), '[n [other-0] -1] x')
  })
})
