import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AgentRecord } from '../wire/agents.ts'
import { networkAgentStatus } from '../wire/network-agents.ts'
import { type NodeStateOf, type Outcome, type StatusInput, statusOf } from './network-agent-status.ts'

describe('the status of a NetworkAgent', () => {
  test('is ready when its version runs on all nodes', () => {
    assert.deepEqual(verdicts(status([running('n1'), running('n2')])), [
      'Accepted=True Stored',
      'Loaded=True Running',
      'Ready=True Running',
    ])
  })

  test('waits for nodes that have another version, or have said nothing', () => {
    const seen = status([running('n1', 2), running('n2')], { nodes: ['n1', 'n2', 'n3'] })
    assert.deepEqual(verdicts(seen).slice(1), ['Loaded=Unknown Loading', 'Ready=Unknown Loading'])
    assert.match(seen.summary.text, /^1\/3$/)
  })

  test('names a node on which it does not run, and shows those first', () => {
    const many = Array.from({ length: 500 }, (_, n) => running(`n${1000 + n}`))
    const bad: NodeStateOf = { node: 'z', state: 'failed', version: 3, message: 'no memory' }
    const seen = status([...many, bad], { nodes: [...many, bad].map(({ node }) => node) })
    assert.equal(verdicts(seen)[2], 'Ready=False Failed')
    assert.deepEqual(
      [seen.nodes.length, seen.nodes[0]?.node, seen.summary.running, seen.summary.failed],
      [20, 'z', 500, 1],
    )
    assert.ok(JSON.stringify(seen).length < 5000)
  })

  test('is what was wanted when it is switched off, and not when that is because it did not load', () => {
    const off = { ...RECORD, active: false }
    assert.equal(verdicts(status([], { outcome: { kind: 'stored', record: off } }))[2], 'Ready=True Inactive')
    const failure = { version: 4, node: 'n1', reason: 'boom', at: '2026-01-01T00:00:00Z' }
    const back = { ...RECORD, failure }
    assert.equal(
      verdicts(status([], { outcome: { kind: 'stored', record: back } }))[2],
      'Ready=False TakenBack',
    )
  })

  test('keeps the time of a condition for as long as that is the same', () => {
    const first = status([], { nodes: ['n1'] })
    const before = networkAgentStatus.parse(first)
    const later = status([running('n1')], { before, nowMs: 60_000 })
    assert.deepEqual(
      later.conditions.map(({ lastTransitionTime }) => lastTransitionTime),
      ['1970-01-01T00:00:00Z', '1970-01-01T00:01:00Z', '1970-01-01T00:01:00Z'],
    )
  })

  test('says why it is not accepted, while the version before runs', () => {
    const outcome: Outcome = { kind: 'refused', reason: 'SyntaxError', message: 'a:1:9: no', record: RECORD }
    assert.deepEqual(verdicts(status([running('n1')], { outcome })), [
      'Accepted=False SyntaxError',
      'Loaded=True Running',
      'Ready=False SyntaxError',
    ])
  })
})

interface Status {
  readonly conditions: readonly Record<'type' | 'status' | 'reason' | 'lastTransitionTime', string>[]
  readonly nodes: readonly NodeStateOf[]
  readonly summary: { readonly text: string; readonly running: number; readonly failed: number }
}

function status(states: readonly NodeStateOf[], more: Partial<StatusInput> = {}): Status {
  const nodes = states.map(({ node }) => node)
  const outcome = { kind: 'stored', record: RECORD } as const
  return statusOf({ generation: 1, outcome, states, nodes, before: undefined, nowMs: 0, ...more }) as Status
}

function verdicts({ conditions }: Status): string[] {
  return conditions.map(({ type, status: value, reason }) => `${type}=${value} ${reason}`)
}

function running(node: string, version = 3): NodeStateOf {
  return { node, state: 'running', version, message: '' }
}

const RECORD: AgentRecord = {
  id: 'a',
  index: 0,
  title: 'A',
  code: '',
  active: true,
  version: 3,
  hash: '',
  createdAt: '',
  updatedAt: '',
  updatedBy: '',
}
