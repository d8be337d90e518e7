import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { devNull } from 'node:os'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { CALL, type HostConfig, IGNORED, type LoadedMessage, UP } from '../src/agent/host/protocol.ts'
import { bestLevel, LEVELS } from '../src/agent/launch.ts'
import { packetBatches, TestSandbox } from '../src/testing/sandbox.ts'

const COUNTER = `var n = 0; function onPacketCaptured(info) { n++ } jobs.schedule("report", "0 0 0 * * *", function () { console.log(n) })`

/** Calls of native functions that would go on for seconds or centuries, and that V8 does not interrupt. */
const ENDLESS = [
  ...['reverse', 'shift', 'unshift', 'splice', 'indexOf', 'includes', 'join', 'sort', 'fill', 'slice'].map(
    (name) => `Array.prototype.${name}.call({ length: 9007199254740991 }, 0, 1)`,
  ),
  ...['forEach', 'map', 'filter', 'every', 'reduce', 'findLast', 'flatMap'].map(
    (name) => `Array.prototype.${name}.call({ length: 9007199254740991 }, function () {})`,
  ),
  'Array.prototype.reverse.call(holes)',
  'Array.prototype.reverse.call({ get length() { return 9007199254740991 } })',
  'Array.prototype.reverse.call(Object.create({ length: 9007199254740991 }))',
  'Array.prototype.reverse.call({ length: { valueOf: function () { return 9007199254740991 } } })',
  'var spread = { length: 9007199254740991 }; spread[Symbol.isConcatSpreadable] = true; [].concat(spread)',
  'new Array(1e9).fill(0).sort()',
  '"x".repeat(1e9)',
  '"".padStart(1e9, "ab")',
  'Object.keys(text)',
  'Object.assign({}, new String(text))',
  '"x".toLocaleLowerCase({ length: 9007199254740991 })',
  '"x".localeCompare("y", { length: 9007199254740991 })',
  'new Date().toLocaleString({ length: 9007199254740991 })',
  'Intl.getCanonicalLocales({ length: 9007199254740991 })',
  'Array.from({ length: 4e9 })',
  'Math.max.apply(null, { length: 1e8 })',
  'String.raw({ raw: { length: 9007199254740991 } })',
  'var list = []; list.length = 4294967295; JSON.stringify({}, list)',
  'JSON.parse(text.replace(/x/, "[") + text)',
  'text.replaceAll("", "yy")',
  'text.replace(/x/g, "yy")',
  'text.split("x")',
  'text.match(/x/g)',
  'text.lastIndexOf(text.slice(1e6) + "y" + text.slice(1e6))',
  'text.includes(text.slice(0, 1e6) + "y" + text.slice(0, 1e6))',
  '("a" + text.replace(/x/, "")).normalize()',
  '("a" + "\u0315\u0300".repeat(3e6)).normalize("NFC")',
  'encodeURIComponent("\u20ac".repeat(3e7))',
  'Object.defineProperties({}, new String(text))',
  '"".anchor(String.fromCharCode(34).repeat(3e7))',
]
const ENDLESS_DATA =
  'var holes = [], text = "xxxxxxxx"; holes.length = 4294967295; while (text.length < 3e7) text += text;'

describe('SandboxProcess', () => {
  test('works off batches and says so', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start(COUNTER)
    await Promise.all(sandbox.send(packetBatches(5, 1000)))
    await sandbox.process.end(true, null)
    assert.deepEqual(sandbox.texts(), ['5000'])
    assert.equal(sandbox.restarted.length, 0)
  })

  test('lets the process in reserve take over from one that was killed', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start(COUNTER)
    sandbox.launcher.prepare()
    const { reserved } = sandbox.launcher
    process.kill(sandbox.process.pid as number, 'SIGKILL')
    await Promise.all(sandbox.send(packetBatches(2, 1000)))
    await sandbox.process.end(true, null)
    assert.equal(sandbox.process.pid, reserved)
    assert.deepEqual(sandbox.texts(), ['2000'])
  })

  test('does without a reserve that has died', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start(COUNTER)
    sandbox.launcher.prepare()
    process.kill(sandbox.launcher.reserved as number, 'SIGKILL')
    await setTimeout(50)
    process.kill(sandbox.process.pid as number, 'SIGKILL')
    await Promise.all(sandbox.send(packetBatches(2, 1000)))
    await sandbox.process.end(true, null)
    assert.deepEqual(sandbox.texts(), ['2000'])
  })

  test('leaves no process behind, in reserve or not', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start(COUNTER)
    sandbox.launcher.prepare()
    const pids = [sandbox.process.pid as number, sandbox.launcher.reserved as number]
    await sandbox.process.close()
    await setTimeout(50)
    for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  })

  test('replaces a process that was killed, and takes the batches that it had not finished to the new one', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start(COUNTER)
    const frames = packetBatches(5, 1000)
    const acked = sandbox.send(frames.slice(0, 2))
    await Promise.all(acked)
    process.kill(sandbox.process.pid as number, 'SIGKILL')
    const first = sandbox.send(frames.slice(2))
    await Promise.all(first)
    await sandbox.process.end(true, null)
    assert.deepEqual(sandbox.restarted, ['its sandbox died (SIGKILL)'])
    assert.deepEqual(sandbox.texts(), ['3000'], 'what was acknowledged is not sent again, the rest is')
    assert.deepEqual(sandbox.stopped, [])
  })

  test('takes what comes while a new process gets the agents to each of them once', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start(...Array<string>(20).fill(COUNTER))
    process.kill(sandbox.process.pid as number, 'SIGKILL')
    const work: Promise<void>[] = []
    let late: Promise<LoadedMessage> | undefined
    for (const frame of packetBatches(60, 10)) {
      work.push(...sandbox.send([frame]))
      if (work.length === 30) late = sandbox.load(20, COUNTER)
      await setTimeout(5)
    }
    await Promise.all(work)
    await sandbox.process.end(true, null)
    assert.deepEqual(sandbox.texts().slice(0, 20), Array(20).fill('600'))
    assert.equal((await late)?.error, undefined)
  })

  test('says which agent does not load in a new process', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start(`file.read("state"); ${COUNTER}`, COUNTER)
    sandbox.onCall = () => {
      throw new Error('gone')
    }
    process.kill(sandbox.process.pid as number, 'SIGKILL')
    await Promise.all(sandbox.send(packetBatches(2, 1000)))
    await sandbox.process.end(true, null)
    assert.deepEqual(sandbox.texts(1), ['2000'])
    assert.deepEqual(
      sandbox.stopped.map(([slot]) => slot),
      [0],
    )
  })

  test('stops an agent that loops, and only it', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start('var n = 0; function onPacketCaptured() { if (++n === 1500) for (;;); }', COUNTER)
    await Promise.all(sandbox.send(packetBatches(5, 1000)))
    await sandbox.process.end(true, null)
    assert.deepEqual(sandbox.stopped, [[0, 'it ran for more than 150 ms of CPU time in one call']])
    assert.deepEqual(sandbox.texts(1), ['5000'])
    const [looping, counter] = [sandbox.counters(0), sandbox.counters(1)]
    assert.deepEqual([looping.packets, looping.missedPackets], [1500, 3500])
    assert.deepEqual([counter.packets, counter.missedPackets], [5000, 0])
  })

  test('tells what was loaded before what was worked off after it, also when all comes at once', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start(COUNTER)
    const [before, after] = packetBatches(2, 10) as [Uint8Array, Uint8Array]
    const acked = sandbox.send([before])
    const again = sandbox.load(0, COUNTER)
    await Promise.all([...acked, again, ...sandbox.send([after])])
    assert.deepEqual(sandbox.loaded, [
      [0, 0],
      [0, 1],
    ])
    assert.deepEqual(
      sandbox.acks.map(({ slots }) => slots[0]?.packets),
      [10, 10],
    )
  })

  test('says nothing of agents that did nothing', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start(COUNTER, 'var idle = true')
    await Promise.all(sandbox.send(packetBatches(3, 10)))
    const told = sandbox.acks.slice(1).map(({ slots }) => slots.map(({ slot }) => slot))
    assert.deepEqual(told, [[0], [0]])
  })

  test('lets no native function run for longer than the process may', async (t) => {
    const sandbox = sandboxFor(t, { language: 'modern' })
    await sandbox.start(
      COUNTER,
      ...ENDLESS.map(
        (call) => `${ENDLESS_DATA} function onPacketCaptured() { try { ${call} } catch (e) {} }`,
      ),
    )
    await Promise.all(sandbox.send(packetBatches(1, 2)))
    await sandbox.process.end(true, null)
    assert.deepEqual(sandbox.restarted, [])
    assert.deepEqual(sandbox.texts(0), ['2'])
  })

  test('stops an agent that waits for helpers again and again', async (t) => {
    const sandbox = sandboxFor(t)
    sandbox.onCall = () => setTimeout(100)
    const waits = 'file.read("x");'
    await sandbox.start(
      `var n = 0; function onPacketCaptured() { if (++n > 2) for (;;) try { ${waits} } catch (e) {} }`,
      `var n = 0; function onPacketCaptured() { n++; ${waits} ${waits} } ${COUNTER.slice(COUNTER.indexOf('jobs'))}`,
    )
    await Promise.all(sandbox.send(packetBatches(1, 10)))
    await sandbox.process.end(true, null)
    assert.match(sandbox.counters(0).stopped, /waited for helpers|CPU time/)
    assert.deepEqual(sandbox.texts(1), ['10'])
  })

  test('ends a process that calls helpers and does not wait for the answers', async (t) => {
    const forged = `const { writeSync } = require('node:fs');
const frame = (type, text) => { const b = Buffer.alloc((16 + text.length + 7) & ~7); b.writeUInt32LE(text.length, 0); b[4] = type; b.write(text, 16); return b };
writeSync(3, frame(${UP.ready}, '{}'));
const call = frame(${CALL}, '{"slot":0,"path":"file.read","args":[]}');
for (;;) for (let at = 0; at < call.length; ) try { at += writeSync(4, call, at) } catch (e) { if (e.code !== 'EAGAIN') throw e }`
    const sandbox = sandboxFor(t)
    sandbox.onCall = () => setTimeout(10_000, undefined, { ref: false })
    t.mock.method(sandbox.launcher, 'launch', () => {
      const progressFd = openSync(devNull, 'r+')
      const child = spawn(process.execPath, ['-e', forged], { stdio: Array(5).fill('pipe') })
      const ended = new Promise((resolve) =>
        child.once('close', (code, signal) => resolve({ code, signal, failure: undefined, stderr: '' })),
      )
      return { process: child, progressFd, ended }
    })
    await sandbox.start()
    await assert.rejects(sandbox.process.failed, /more calls than it can wait for/)
  })

  test('names who was running when a process died, and leaves that agent out', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start('function onPacketCaptured() { for (;;); }', COUNTER)
    const work = sandbox.send(packetBatches(5, 1000))
    // Long before it is interrupted.
    await setTimeout(50)
    process.kill(sandbox.process.pid as number, 'SIGSEGV')
    await Promise.all(work)
    await sandbox.process.end(true, null)
    assert.deepEqual(sandbox.stopped, [[0, 'its sandbox died (SIGSEGV)']])
    assert.deepEqual(sandbox.texts(1), ['5000'])
  })

  for (const [kills, stopped] of [
    [1, []],
    [2, [[0, 'its sandbox died (SIGKILL)']]],
  ] as const)
    test(`blames an agent for a kill from outside only when it was running twice in a row: ${kills}`, async (t) => {
      const sandbox = sandboxFor(t)
      let left: number = kills
      sandbox.onCall = () => {
        if (left-- > 0) process.kill(sandbox.process.pid as number, 'SIGKILL')
      }
      await sandbox.start('function onPacketCaptured() { vendor.webhook("GET", "http://r.test/") }', COUNTER)
      await Promise.all(sandbox.send(packetBatches(5, 2)))
      await sandbox.process.end(true, null)
      assert.deepEqual(sandbox.stopped, stopped)
      assert.equal(sandbox.restarted.length, kills)
      assert.deepEqual(sandbox.texts(1), ['10'])
    })

  test('keeps what an agent has called before it is interrupted, and what others have', async (t) => {
    const sandbox = sandboxFor(t, { ignoredResults: 'queue', virtualTime: false })
    let calls = 0
    sandbox.onCall = () => void calls++
    const call = `vendor.webhook.queue.${IGNORED}(1)('POST', 'http://r.test/')`
    const stuck = `var n = 0; function onPacketCaptured() { ${call}; if (++n === 5) for (;;); }`
    await sandbox.start(`function onPacketCaptured() { ${call} }`, stuck)
    await Promise.all(sandbox.send(packetBatches(1, 20)))
    assert.deepEqual(
      sandbox.stopped.map(([slot]) => slot),
      [1],
    )
    assert.equal(sandbox.restarted.length, 0)
    assert.equal(calls, 25)
  })

  for (const virtualTime of [false, true])
    test(`tells who makes all others wait for helpers, ${virtualTime ? 'unless the traffic waits, too' : 'in live traffic'}`, async (t) => {
      const sandbox = sandboxFor(t, { virtualTime, budgets: PATIENT })
      sandbox.onCall = () => setTimeout(1100)
      await sandbox.start('function onPacketCaptured() { vendor.webhook("GET", "http://r.test/") }', COUNTER)
      await Promise.all(sandbox.send(packetBatches(1, 3)))
      const warnings = sandbox.lines.filter(({ level }) => level === 'warn')
      assert.deepEqual(
        warnings.map(({ slot, text }) => [slot, text.replace(/\d+\.\d/, 'N')]),
        virtualTime
          ? []
          : [
              [
                0,
                'vendor.webhook: within ten seconds of traffic this agent has waited N s for helpers, and all agents here with it; vendor.webhook.queue, or a call whose answer it does not look at, is not waited for',
              ],
            ],
      )
      const { micros, waitMicros } = sandbox.counters(0)
      assert.ok(waitMicros >= 3_300_000 - 3000 && waitMicros <= micros, `${waitMicros} of ${micros}`)
      assert.equal(sandbox.counters(1).waitMicros, 0)
    })

  for (const level of LEVELS)
    test(`works at level ${level}, where the machine allows it`, async (t) => {
      if (LEVELS.indexOf(level) < LEVELS.indexOf(bestLevel().level)) {
        t.skip(`not here: ${bestLevel().because}`)
        return
      }
      const sandbox = new TestSandbox({}, level)
      t.after(() => sandbox.process.close())
      await sandbox.start(COUNTER, 'function onPacketCaptured() { for (;;); }')
      await Promise.all(sandbox.send(packetBatches(5, 1000)))
      await sandbox.process.end(true, null)
      assert.deepEqual(sandbox.texts(0), ['5000'])
      assert.deepEqual(
        sandbox.stopped.map(([slot]) => slot),
        [1],
      )
    })

  test('says why a process does not start', async (t) => {
    const sandbox = sandboxFor(t, { query: { filter: '((' } })
    await assert.rejects(sandbox.start(), { name: 'Mistake', code: 'E_SANDBOX', message: /unexpected end/ })
    assert.deepEqual(sandbox.restarted, [], 'and does not try again')
  })

  test('gives up when processes die one after another and nobody is to blame', async (t) => {
    const sandbox = sandboxFor(t)
    await sandbox.start()
    const killer = setInterval(() => {
      try {
        process.kill(sandbox.process.pid as number, 'SIGKILL')
      } catch {
        // Between two.
      }
    }, 20)
    t.after(() => clearInterval(killer))
    await assert.rejects(sandbox.process.failed, { name: 'Mistake', code: 'E_SANDBOX' })
  })
})

const PATIENT = {
  ...{ memoryMb: 64, allMb: 320, linesPerCall: 1000, bytesPerCall: 1 << 20 },
  ...{ waitMsPerCall: 60_000, failures: 100, slowJobMs: 60_000 },
}

function sandboxFor(t: TestContext, config: Partial<HostConfig> = {}): TestSandbox {
  const sandbox = new TestSandbox(config)
  t.after(() => sandbox.process.close())
  return sandbox
}
