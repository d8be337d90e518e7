import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { before, describe, test } from 'node:test'
import { AGENTS, type Outcome, outcomeOf } from './outcome.ts'

/** Those whose console depends on nothing that others do: not on actions, nor on folders that several use. */
const ALONE = [
  'anomalies/find.js',
  'anomalies/find2.js',
  'drafts/throughput.js',
  'examples/error_handling.js',
  'examples/packet_byte_counter.js',
  'networkerrors/networkerrors.js',
  'security/ns-ext-conns.js',
  'top5/top5.js',
]

const files = readdirSync(AGENTS, { recursive: true, encoding: 'utf8' })
const scripts = files.filter((name) => name.endsWith('.js') && !/^(history|samples)/.test(name))

describe('all public agents in one worker and one hub', () => {
  let together: Outcome
  before(async () => {
    together = await outcomeOf([...new Set(files.filter((name) => name.endsWith('.js')).map(dirname))])
  })

  test('are 44 files without those of history and documentation, each loaded twice; other suffixes stay out', () => {
    assert.equal(scripts.length, 44)
    assert.deepEqual(files.filter((name) => /\.js[^/]+$/.test(name)).sort(), [
      'kinesis/har.js-ignore',
      'perf/perf.js-old',
      'security/processes.js1',
    ])
    const loaded = together.agents.map(({ file }) => file.slice(AGENTS.length + 1))
    for (const name of scripts) assert.equal(loaded.filter((each) => each === name).length, 2, name)
    assert.equal(loaded.filter((name) => !name.endsWith('.js')).length, 0)
  })

  test('break nothing of the engine', () => {
    assert.equal(together.code, 0, together.stderr)
    assert.deepEqual(together.discrepancies, [])
    assert.equal(together.restarts, 0)
    assert.deepEqual(
      together.agents
        .filter(({ state }) => state !== 'ok')
        .map(({ file, component, state, reason }) => [
          file.slice(AGENTS.length + 1),
          component,
          state,
          reason,
        ]),
      [['networkerrors/networkerrors.js', 'hub', 'not running on hub', 'for workers alone']],
    )
  })

  test('keep jobs apart that have the same tag', () => {
    const runs = (name: string) =>
      together.agents.filter(({ file }) => file.endsWith(name)).map(({ jobRuns }) => jobRuns)
    assert.deepEqual(runs('anomalies/find.js'), [7, 7])
    assert.deepEqual(runs('anomalies/find2.js'), [15, 15])
    for (const name of ['top5/dns2.js', 'podtraffic/podtraffic.js'])
      assert.deepEqual(runs(name), [14, 14], name)
    for (const name of ['apisec/apicalls.js', 'apisec/apisec_s3/apicalls.js'])
      assert.deepEqual(runs(name), [1, 1], name)
    for (const name of ['snapshot_selective.js', 'snapshot_selective_fs.js'])
      assert.deepEqual(runs(`examples/s3_pcap_${name}`), [2, 2], name)
  })

  test('see and say what they do when they are alone', async () => {
    for (const name of ALONE) {
      const alone = await outcomeOf([name])
      assert.deepEqual(linesOf(together, name), linesOf(alone, name), name)
    }
  })
})

function linesOf({ agents, lines }: Outcome, name: string): string[] {
  const index = agents.find(({ file }) => file.endsWith(name))?.index
  return lines
    .filter((line) => line.index === index)
    .map(({ node, level, text }) => `${node} ${level}: ${text}`)
}
