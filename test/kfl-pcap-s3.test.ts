import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { HelperCall } from '../src/agent/group.ts'
import { Mistake } from '../src/mistake/mistake.ts'
import { runOnSample } from '../src/testing/test-run.ts'

const PATH = 'wrapper.kflPcapS3'

interface Asked {
  readonly hold?: string
  readonly kfls?: readonly number[]
  readonly ship?: number
}

describe('wrapper.kflPcapS3, in the sandbox', () => {
  test('asks for nothing while no entry passes a filter', async (t) => {
    const { asked, lines } = await run(t, `{ kflArr: ['ldap', 'response.status == 999'] }`)
    assert.deepEqual(asked, [])
    assert.deepEqual(lines, [])
  })

  test('asks once for each stream, for all filters that its first entry passes', async (t) => {
    const { asked } = await run(t, `{ kflArr: ['http', 'ldap', ''], maxMinutes: 1000 }`)
    const streams = asked.map(({ hold }) => hold)
    assert.equal(new Set(streams).size, streams.length)
    assert.ok(streams.length > 100, String(streams.length))
    assert.ok(asked.every(({ kfls, ship }) => ship === undefined && kfls?.at(-1) === 2))
    assert.ok(asked.some(({ kfls }) => kfls?.join() === '0,2'))
  })

  test('sends a set when it is full, and then begins another', async (t) => {
    const { asked, lines } = await run(
      t,
      `{ kflArr: ['http'], maxL4Streams: 3, maxMinutes: 1000, verbose: true }`,
    )
    const kinds = asked.map(({ ship }) => (ship === undefined ? 'hold' : 'ship'))
    assert.deepEqual(kinds.slice(0, 8), ['hold', 'hold', 'hold', 'ship', 'hold', 'hold', 'hold', 'ship'])
    assert.deepEqual(lines[0], `${PATH}: kflArr[0]: uploaded s3://a`)
  })

  test('sends a set when it is time, by the clock of the traffic', async (t) => {
    const { asked } = await run(t, `{ kflArr: ['http'], maxMinutes: 0.0001 }`)
    const ships = asked.filter(({ ship }) => ship === 0).length
    assert.ok(ships > 5, String(ships))
  })

  test('tries again only after a minute when a set could not be sent, and counts what does not fit', async (t) => {
    const at: number[] = []
    const options = `{ kflArr: ['http'], maxL4Streams: 2, maxMinutes: 1000 }`
    const { asked, lines } = await run(t, options, ({ nowMs }) => {
      at.push(nowMs)
      if (at.length > 2) return 's3://a'
      throw new Mistake('E_HELPER_FAILED', `${PATH}: nobody is there`)
    })
    assert.ok(at.length > 2)
    const [first = 0, second = 0, third = 0] = at
    assert.ok(second - first >= 60_000 && third - second >= 60_000, at.join())
    const kinds = asked.map(({ ship }) => (ship === undefined ? 'hold' : 'ship'))
    assert.deepEqual(kinds.slice(0, 5), ['hold', 'hold', 'ship', 'ship', 'ship'])
    assert.equal(lines.filter((line) => line.includes('nobody is there')).length, 2)
    assert.ok(lines.some((line) => /: \d+ streams more than maxL4Streams were left out$/.test(line)))
  })

  test('tells once of a filter that cannot be read, and goes on with the others', async (t) => {
    const { asked, lines } = await run(t, `{ kflArr: ['htt ??? a', 'http'], maxMinutes: 1000 }`)
    assert.ok(asked.length > 5)
    assert.ok(asked.every(({ kfls }) => kfls?.join() === '1'))
    assert.deepEqual(lines, [`${PATH}: kflArr[0] cannot be read: Error: 1:5: unexpected token "?"`])
  })

  test('does nothing while it is not active, and says what is wrong with its options', async (t) => {
    assert.deepEqual((await run(t, `{ kflArr: ['http'], active: false }`)).asked, [])
    const { asked, lines } = await run(t, `{ kflArr: 'http' }`)
    assert.deepEqual(asked, [])
    assert.match(String(lines[0]), /options\.kflArr must be a list of filters/)
  })
})

/** Runs an agent with these options on the sample. Answers what it asks for outside the sandbox, and what it prints. */
async function run(t: TestContext, options: string, ship: (call: HelperCall) => unknown = () => 's3://a') {
  const asked: Asked[] = []
  const lines: string[] = []
  const source = `function onItemCaptured(data) { wrapper.kflPcapS3(data, ${options}) }`
  const call = async (made: HelperCall) => {
    assert.equal(made.path, PATH)
    const wanted = made.args[0] as Asked
    asked.push(wanted)
    return wanted.ship === undefined ? undefined : ship(made)
  }
  await runOnSample(t, [source], {}, { call, line: ({ text }) => lines.push(text) })
  return { asked, lines }
}
