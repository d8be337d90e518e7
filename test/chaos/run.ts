/**
 * Kills programs under load, again and again, and looks whether anything was lost or done twice:
 *
 *     node test/chaos/run.ts --victim hub --kills 100 --seed 7
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseArgs } from 'node:util'
import { flawsOf, trial, type Victim } from './trial.ts'

const VICTIMS: readonly Victim[] = ['worker', 'hub', 'leader', 'nats']

const { values } = parseArgs({
  options: {
    victim: { type: 'string', multiple: true, default: [...VICTIMS] },
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    calls: { type: 'string', default: '20' },
    term: { type: 'boolean', default: false },
  },
})

test(`${values.kills} times ${values.victim.join(', ')}, seed ${values.seed}`, async (t) => {
  const report = await trial(t, {
    victims: VICTIMS.filter((each) => values.victim.includes(each)),
    kills: Number(values.kills),
    seed: Number(values.seed),
    longestPauseMs: 2000,
    callsPerSecond: Number(values.calls),
    inOrder: values.term,
    tell: (text) => console.log(text),
  }).catch((error: unknown) => {
    console.log(error)
    throw error
  })
  console.log(JSON.stringify(report, null, 1))
  assert.deepEqual(report === undefined ? [] : flawsOf(report), [])
})
