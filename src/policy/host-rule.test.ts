import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hostRuleInWords, hostVerdict, readHostRule } from './host-rule.ts'
import { cutByPolicy, cutByRule } from './protection.ts'
import { flows, policies } from './test-flows.ts'
import { verdict } from './verdict.ts'

const to = (from: string, target: string, port = 80, protocol = 'TCP') => ({
  from: { address: from },
  to: { address: target },
  port,
  protocol,
})

test('a block is about who opens the connection, and never about the machine itself', () => {
  const block = readHostRule('block', { from: '203.0.113.0/24', ports: [80, 'tcp/8000-8100'] })
  assert.equal(hostVerdict([block], to('203.0.113.9', '10.0.0.1')), false)
  assert.equal(hostVerdict([block], to('203.0.113.9', '10.0.0.1', 8050)), false)
  assert.equal(hostVerdict([block], to('203.0.113.9', '10.0.0.1', 443)), true)
  assert.equal(hostVerdict([block], to('203.0.113.9', '10.0.0.1', 80, 'UDP')), true)
  assert.equal(hostVerdict([block], to('10.0.0.1', '203.0.113.9')), true)
  const all = readHostRule('block', { to: ['0.0.0.0/0', '::/0'] })
  assert.equal(hostVerdict([all], to('127.0.0.1', '127.0.0.1')), true)
  assert.equal(hostVerdict([all], to('10.0.0.1', '10.0.0.1')), true)
  assert.equal(hostRuleInWords(block), 'block from 203.0.113.0/24 to anywhere at tcp/80, tcp/8000-8100')
})

test('of what is opened to an address that is held, only what some rule allows passes', () => {
  const rules = [
    readHostRule('allow', { to: '10.0.0.1', from: '10.0.0.0/24', ports: 80 }),
    readHostRule('allow', { to: '10.0.0.1', from: '10.0.9.9' }),
  ]
  assert.equal(hostVerdict(rules, to('10.0.0.2', '10.0.0.1')), true)
  assert.equal(hostVerdict(rules, to('10.0.9.9', '10.0.0.1', 443)), true)
  assert.equal(hostVerdict(rules, to('10.0.0.2', '10.0.0.1', 443)), false)
  assert.equal(hostVerdict(rules, to('10.0.1.2', '10.0.0.1')), false)
  assert.equal(hostVerdict(rules, to('10.0.1.2', '10.0.0.7')), true)
})

test('a rule that says nothing is a mistake', () => {
  assert.throws(() => readHostRule('block', {}), /from, to or ports is needed/)
  assert.throws(() => readHostRule('allow', { from: '10.0.0.1' }), /to is missing/)
})

test('policies that are accepted cut nothing that is protected, however they are put together', () => {
  fc.assert(
    fc.property(
      fc.array(flows, { maxLength: 6 }),
      fc.array(policies, { maxLength: 6 }),
      (protectedFlows, all) => {
        const guarded = protectedFlows.map((flow) => ({ what: 'it', flow }))
        const accepted = all.filter((each) => cutByPolicy(guarded, each) === undefined)
        for (const flow of protectedFlows) assert.equal(verdict(accepted, flow).allowed, true)
      },
    ),
    { numRuns: 3000 },
  )
})

test('rules about addresses that are accepted cut nothing that is protected', () => {
  const address = fc.constantFrom('10.0.0.1', '10.0.0.0/24', '10.0.0.200', '192.168.0.0/16', '2001:db8::/32')
  const addresses = fc.array(address, { minLength: 1, maxLength: 2 })
  const rules = fc
    .record({ kind: fc.constantFrom('block' as const, 'allow' as const), from: addresses, to: addresses })
    .map(({ kind, ...rule }) => readHostRule(kind, rule))
  fc.assert(
    fc.property(
      fc.array(flows, { maxLength: 6 }),
      fc.array(rules, { maxLength: 6 }),
      (protectedFlows, all) => {
        const guarded = protectedFlows.map((flow) => ({ what: 'it', flow }))
        const accepted = all.filter((each) => cutByRule(guarded, each) === undefined)
        for (const flow of protectedFlows) assert.equal(hostVerdict(accepted, flow), true)
      },
    ),
  )
})
