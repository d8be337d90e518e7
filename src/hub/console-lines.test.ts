import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Stream } from '../bus/bus.ts'
import { openLocalBus } from '../bus/local.ts'
import { Mistake } from '../mistake/mistake.ts'
import { ConsoleOut, type NewLine } from '../node/console-out.ts'
import { STREAM_OPTIONS } from '../node/streams.ts'
import { eventually } from '../testing/eventually.ts'
import type { ConsoleLine } from '../wire/console.ts'
import { ConsoleLog } from './console.ts'

describe('console lines', () => {
  test('come in the order in which each node printed them, each once, whoever reads when', async (t) => {
    const { log, out, texts } = await setUp(t)
    const [one, two] = [out('n1'), out('n2')]
    const early = reads(t, log)
    for (let n = 0; n < 500; n++) {
      one.push(line(`a${n}`))
      two.push(line(`b${n}`))
    }
    await eventually('all', () => texts().length === 1000)
    assert.deepEqual(
      texts().filter((text) => text.startsWith('a')),
      Array.from({ length: 500 }, (_, n) => `a${n}`),
    )
    assert.equal(new Set(log.recent({}).map(({ id }) => id)).size, 1000)
    await eventually('the early reader', () => early.lines.length === 1000)
    const late = reads(t, log)
    await eventually('the late reader', () => late.lines.length === 1000)
    assert.deepEqual(late.lines, early.lines)
  })

  test('are read back by a hub that begins later, and by filter', async (t) => {
    const { stream, out } = await setUp(t)
    const one = out('n1')
    for (let n = 0; n < 10; n++) one.push({ ...line(`Text ${n}`), level: n % 2 === 0 ? 'log' : 'error' })
    await one.close(5000)
    const later = new ConsoleLog(stream)
    t.after(() => later.close())
    await eventually('all', () => later.recent({}).length === 10)
    assert.deepEqual(
      later.recent({ level: 'error', last: 2 }).map(({ text }) => text),
      ['Text 7', 'Text 9'],
    )
    assert.equal(later.recent({ text: 'TEXT 3', agent: 'Title', node: 'n1' }).length, 1)
    assert.equal(later.recent({ last: 0 }).length, 0)
  })

  test('that are sent twice, since nobody knew whether they had arrived, come once', async (t) => {
    const { stream, log, texts } = await setUp(t)
    const flaky = new FlakyStream(stream)
    const out = new ConsoleOut(flaky, 'n1', 'boot')
    flaky.isLosingAnswers = true
    out.push(line('first'))
    await eventually('it was sent', () => flaky.appends > 0)
    for (let n = 0; n < 20; n++) out.push(line(`then ${n}`))
    flaky.isLosingAnswers = false
    await eventually('all', () => texts().length === 21)
    assert.deepEqual(texts(), ['first', ...Array.from({ length: 20 }, (_, n) => `then ${n}`)])
    assert.deepEqual([out.depth, out.dropped, log.malformed], [0, 0, 0])
    await out.close(1000)
  })

  test('wait through an outage, the newest of them, and the others are counted', async (t) => {
    const { stream, texts } = await setUp(t)
    const flaky = new FlakyStream(stream)
    flaky.isAway = true
    const out = new ConsoleOut(flaky, 'n1', 'boot')
    for (let n = 0; n < 25_000; n++) out.push(line(`${n}`))
    await eventually('it tried', () => flaky.appends > 0)
    assert.equal(out.depth + out.dropped, 25_000)
    flaky.isAway = false
    await eventually('it goes on', () => out.depth === 0)
    await eventually('all', () => texts().length === 25_000 - out.dropped)
    assert.equal(texts().at(-1), '24999')
    await out.close(1000)
  })

  test('do not take more memory than they may while the hub is away', async (t) => {
    const { stream } = await setUp(t)
    const flaky = new FlakyStream(stream)
    flaky.isAway = true
    const out = new ConsoleOut(flaky, 'n1', 'boot')
    for (let n = 0; n < 2000; n++) out.push(line('x'.repeat(100_000)))
    assert.ok(out.depth * (64 << 10) <= 17 << 20)
    await out.close(100)
    assert.equal(out.dropped, 2000)
  })

  test('are cut when they are long, whatever they consist of, and hold up nothing', async (t) => {
    const { out, texts } = await setUp(t)
    const one = out('n1')
    const long = ['x', '\u0000', '語', '"'].map((letter) => letter.repeat(1 << 20))
    for (let round = 0; round < 4; round++) for (const text of long) one.push(line(text))
    await one.keep(
      'action/1',
      long.map((text) => line(text)),
    )
    one.push(line('after'))
    await eventually('all', () => texts().length === 21)
    assert.ok(texts().every((text) => text.length <= (64 << 10) + 1))
    assert.equal(one.dropped, 0)
  })

  test('of something that is done again are printed once', async (t) => {
    const { out, texts } = await setUp(t)
    const one = out('hub')
    for (let attempt = 0; attempt < 3; attempt++) await one.keep('action/7', [line('a'), line('b')])
    await one.keep('action/8', [line('c')])
    await eventually('all', () => texts().length === 3)
    assert.deepEqual(texts(), ['a', 'b', 'c'])
  })
})

describe('clearing', () => {
  test('empties the console of one agent on all nodes, or of all, for those who read and those who come', async (t) => {
    const { log, out, texts } = await setUp(t)
    const [one, two] = [out('n1'), out('n2')]
    const follower = reads(t, log, { agent: 'A' })
    await one.keep('1', [line('a1', 'A'), line('b1', 'B')])
    await two.keep('2', [line('a2', 'A')])
    await one.keep('3', [{ ...line('', 'A'), level: 'clear' }, line('a3', 'A')])
    await eventually('cleared', () => texts().join() === 'b1,,a3')
    await eventually('told', () => follower.lines.map(({ text }) => text).join() === 'a1,a2,,a3')
    await two.keep('4', [{ ...line('', ''), level: 'clear' }])
    await eventually('all', () => texts().join() === '')
    await eventually('told of all', () => follower.lines.at(-1)?.agent === '')
  })
})

describe('who reads', () => {
  test('slowly gets all lines, in order', async (t) => {
    const { log, out } = await setUp(t)
    const one = out('n1')
    const read: string[] = []
    const end = new AbortController()
    const reading = (async () => {
      for await (const { text } of log.follow({}, end.signal)) {
        read.push(text)
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    for (let n = 0; n < 2000; n++) one.push(line(`${n}`))
    await eventually('all', () => read.length === 2000)
    assert.deepEqual(
      read,
      Array.from({ length: 2000 }, (_, n) => `${n}`),
    )
    assert.equal(log.dropped, 0)
    end.abort()
    await reading
  })

  test('goes on when reading of the stream breaks off', async (t) => {
    const { stream, out } = await setUp(t)
    const flaky = new FlakyStream(stream)
    flaky.breaks = 1
    const log = new ConsoleLog(flaky)
    t.after(() => log.close())
    await eventually('it broke off', () => log.failures === 1)
    await out('n1').keep('1', [line('a')])
    await eventually('the line', () => log.recent({}).length === 1)
  })

  test('finds nonsense counted', async (t) => {
    const { stream, log, out, texts } = await setUp(t)
    const bytes = ['', '{', '{}', '[{}]', '[null]', '\u0000'].map((text) => new TextEncoder().encode(text))
    for (const [at, payload] of bytes.entries())
      await stream.append('console.x', payload, { id: `bad ${at}` })
    await out('n1').keep('1', [line('good')])
    await eventually('the good one', () => texts().join() === 'good')
    assert.equal(log.malformed, bytes.length)
  })
})

async function setUp(t: TestContext) {
  const bus = openLocalBus({ folder: null })
  t.after(() => bus.close())
  const stream = await bus.stream(STREAM_OPTIONS.console)
  const log = new ConsoleLog(stream)
  t.after(() => log.close())
  const out = (node: string) => {
    const made = new ConsoleOut(stream, node, `boot of ${node}`)
    t.after(() => made.close(1000))
    return made
  }
  return { stream, log, out, texts: () => log.recent({}).map(({ text }) => text) }
}

function reads(t: TestContext, log: ConsoleLog, filter = {}): { readonly lines: ConsoleLine[] } {
  const lines: ConsoleLine[] = []
  const end = new AbortController()
  t.after(() => end.abort())
  void (async () => {
    for await (const each of log.follow(filter, end.signal)) lines.push(each)
  })()
  return { lines }
}

function line(text: string, agent = 'A'): NewLine {
  return { agent, index: agent === '' ? 0 : 1, title: agent === '' ? '' : 'Title', level: 'log', text }
}

/** A stream that cannot be reached, or whose answers get lost, while it is told so. */
class FlakyStream implements Stream {
  readonly #stream: Stream
  isAway = false
  isLosingAnswers = false
  breaks = 0
  appends = 0

  constructor(stream: Stream) {
    this.#stream = stream
  }

  async append(...append: Parameters<Stream['append']>): Promise<void> {
    this.appends++
    if (this.isAway) throw new Mistake('E_BUS', 'away')
    await this.#stream.append(...append)
    if (this.isLosingAnswers) throw new Mistake('E_BUS', 'no answer')
  }

  consume(...consume: Parameters<Stream['consume']>): Promise<void> {
    return this.#stream.consume(...consume)
  }

  read(options: Parameters<Stream['read']>[0]): ReturnType<Stream['read']> {
    if (this.breaks-- > 0) throw new Mistake('E_BUS', 'broken off')
    return this.#stream.read(options)
  }
}
