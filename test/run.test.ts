import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { pcapng } from '../src/capture/test-captures.ts'
import { REPOSITORY, remora, withFiles } from '../src/testing/remora.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')
const PROGRAM = join(REPOSITORY, 'bin/remora.cjs')
const EXAMPLES = join(REPOSITORY, 'examples')

const COUNTER = `// Counter
var n = 0;
function onItemCaptured(data) { n++; }
jobs.schedule("report", "0 0 0 * * *", function () { console.log("items", n); });
`

/** More than a pipe holds. */
const EACH = `var more = new Array(2000).join(" .");
function onItemCaptured(data) { console.log(data.protocol.name); console.log(more) }
`

describe('remora run', () => {
  test('runs the examples on the sample, and everything adds up', async () => {
    await withFiles({}, async (folder) => {
      const { code, stdout, stderr } = await remora(
        ['run', EXAMPLES, '--pcap', SAMPLE, '--json', '--node-name', 'n'],
        { cwd: folder },
      )
      assert.equal(code, 0, stderr)
      const summary = lastLine(stdout)
      assert.equal(summary.packets, 1019)
      assert.deepEqual(summary.entries, {
        DNS: 78,
        HTTP: 45,
        TLSX: 8,
        TCP: 37,
        'TCP FLOW': 37,
        UDP: 72,
        'UDP FLOW': 72,
      })
      assert.deepEqual(summary.ledger.discrepancies, [])
      assert.deepEqual(
        summary.agents.map(({ state, errors }) => [state, errors]),
        Array(12).fill(['ok', 0]),
      )
    })
  })

  test('prints as JSON lines what docs/json.md describes', async () => {
    await withFiles({ 'a.js': 'function onItemCaptured() { console.log(1) }' }, async (folder) => {
      const { stdout } = await remora(['run', folder, '--pcap', SAMPLE, '--json', '--entries'], {
        cwd: folder,
      })
      const page = readFileSync(join(REPOSITORY, 'docs/json.md'), 'utf8')
      const described = new Set([...page.matchAll(/`(\w+)(?:\[\])?(?:\{\w+\})?`/g)].map(([, word]) => word))
      const lines = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, object>)
      assert.deepEqual([...new Set(lines.map(({ type }) => String(type)))].sort(), [
        'console',
        'entry',
        'summary',
      ])
      for (const line of lines) {
        const { ledger = {}, agents = [{}] } = line as { ledger?: object; agents?: [object] }
        for (const part of [line, ledger, agents[0]])
          for (const key of Object.keys(part))
            assert.ok(described.has(key), `${line.type} ${key} is not described`)
      }
    })
  })

  test('gives the same output twice, whether from a file, a gzip or a pipe', async () => {
    await withFiles(
      { 'a.js': COUNTER, 'b.js': 'function onItemCaptured(data) { console.log(data.id, data.elapsedTime) }' },
      async (folder) => {
        writeFileSync(join(folder, 'sample.pcap.gz'), gzipSync(readFileSync(SAMPLE)))
        const args = ['run', join(folder, 'a.js'), join(folder, 'b.js'), '--node-name', 'n', '--pcap']
        const lines = ({ stdout }: { stdout: string }) =>
          stdout.split('\n').filter((line) => line.startsWith('['))
        const plain = lines(await remora([...args, SAMPLE], { cwd: folder }))
        assert.equal(plain.length, 351, plain.join('\n'))
        assert.deepEqual(lines(await remora([...args, SAMPLE], { cwd: folder })), plain)
        assert.deepEqual(
          lines(await remora([...args, join(folder, 'sample.pcap.gz')], { cwd: folder })),
          plain,
        )
        assert.deepEqual(
          lines(await remora([...args, '-'], { cwd: folder, stdin: readFileSync(SAMPLE) })),
          plain,
        )
      },
    )
  })

  test('waits for a pipe that has nothing yet', async () => {
    await withFiles({ 'a.js': COUNTER }, async (folder) => {
      const command = `(sleep 0.5; head -c 300000 ${SAMPLE}; sleep 0.2; tail -c +300001 ${SAMPLE}) | "${process.execPath}" "${PROGRAM}" run a.js --pcap -`
      const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: folder })
      assert.match(stdout, /items 349/)
    })
  })

  test('ends quietly when nobody reads its output any more', async () => {
    await withFiles({ 'a.js': EACH }, async (folder) => {
      const command = `{ "${process.execPath}" "${PROGRAM}" run a.js --pcap ${SAMPLE}; echo "code $?" >&2; } | head -n 1`
      const { stdout, stderr } = await promisify(execFile)('sh', ['-c', command], { cwd: folder })
      assert.match(stdout, /^\[.*-0\] http\n$/)
      assert.equal(stderr, 'code 141\n')
    })
  })

  test('counts packets minute by minute with the script of the reference, unmodified', async () => {
    await withFiles({}, async (folder) => {
      const { stdout } = await remora(['run', join(EXAMPLES, 'packets-per-minute.js'), '--pcap', SAMPLE], {
        cwd: folder,
      })
      const counts = [...stdout.matchAll(/packet count per minute: (\d+)/g)].map(([, count]) => Number(count))
      assert.deepEqual(counts, [228, 0, 372, 0, 419])
    })
  })

  test('runs every job once more at the end, unless told not to', async () => {
    await withFiles({ 'a.js': COUNTER }, async (folder) => {
      const args = ['run', join(folder, 'a.js'), '--pcap', SAMPLE]
      assert.match((await remora(args, { cwd: folder })).stdout, /items 349/)
      assert.doesNotMatch((await remora([...args, '--no-final-run'], { cwd: folder })).stdout, /items/)
    })
  })

  test('clears timers, and never a job by its number', async () => {
    const source = `var ticks = 0, timer = setInterval(function () { if (++ticks === 3) clearInterval(timer) }, 1000);
jobs.schedule("report", "0 0 0 1 1 *", function () { console.log("ticks", ticks) });
for (var id = -1; id < 9; id++) if (id !== timer) clearTimeout(id)`
    await withFiles({ 'a.js': source }, async (folder) => {
      const { stdout } = await remora(['run', folder, '--pcap', SAMPLE], { cwd: folder })
      assert.match(stdout, /ticks 3$/m)
    })
  })

  test('prints all kinds of values', async () => {
    const source = `var circle = {}; circle.self = circle;
console.log("a", 1.5, NaN, null, undefined, true, [1, "b", null], { c: undefined, d: [] }, new Date(0));
console.log(new TypeError("bad"), /x/g, { error: new Error("inside"), list: [/y/] }, circle, function f() {}, { toJSON: function () { throw new Error("no") } });`
    await withFiles({ 'a.js': source }, async (folder) => {
      const { stdout } = await remora(['run', folder, '--pcap', SAMPLE, '--node-name', 'n'], { cwd: folder })
      assert.deepEqual(
        stdout.split('\n').filter((line) => line.startsWith('[')),
        [
          '[n-0] a 1.5 NaN null undefined true [1,"b",null] {"d":[]} 1970-01-01T00:00:00.000Z',
          '[n-0] TypeError: bad /x/g {"error":"Error: inside","list":["/y/"]} [TypeError: Converting circular structure to JSON] [function f] [Error: no]',
        ],
      )
    })
  })

  test('shares `this` between agents and keeps `var` apart', async () => {
    const first =
      'var n = 1; undeclared = 2; this.total = 5; this.bump = function () { this.total++; n++; return n }; function plain() { return this.total }'
    const second =
      'var n = 10; console.log(this.total, total, typeof undeclared, n, bump(), this.total); function plain() { this.other = 7 } plain(); console.log(this.other, other)'
    await withFiles({ 'a.js': first, 'b.js': second }, async (folder) => {
      const { stdout } = await remora(['run', folder, '--pcap', SAMPLE, '--node-name', 'n'], { cwd: folder })
      assert.match(stdout, /\[n-1\] 5 5 undefined 10 2 6\n\[n-1\] 7 7\n/)
    })
  })

  test('finds what is on `this` by its bare name, also where a script never says it', async () => {
    const first =
      'this.total = 5; this.Thing = function (v) { this.v = v }; function make() { return new this.Thing(7).v } console.log(make()); function none() { this.nope() } try { none() } catch (e) { console.log("caught " + e) }'
    const second =
      'console.log(total, new Thing(8).v, typeof nobody); function f(total) { return total } total = 6; n = f(1)'
    const third =
      'var console = console || null, env = env || {}, total = total || 9; console.log(total, env.A)'
    const hooks =
      'this.onHubAction = function (action) { console.log(action) }; function onItemCaptured(data) { if (data.index === 0) total++ } jobs.schedule("send", "0 0 0 1 1 *", function () { if (utils.nodeName() !== "hub") hub.action("bye " + total) })'
    const files = { 'a.js': first, 'b.js': second, 'c.js': third, 'd.js': hooks }
    await withFiles(files, async (folder) => {
      const args = ['run', folder, '--pcap', SAMPLE, '--node-name', 'n', '--hub', 'always']
      const { stdout } = await remora([...args, '--set', 'scripting.env.A=x'], { cwd: folder })
      assert.match(stdout, /\[n-0\] 7\n\[n-0\] caught TypeError: this\.nope is not a function\n/)
      assert.match(stdout, /\[n-1\] 5 8 undefined\n/)
      assert.match(stdout, /\[n-2\] 9 x\n/)
      assert.deepEqual(stdout.match(/^.*\bbye .*$/gm), ['[hub-3] bye 115'], 'a hook on `this` is called once')
    })
  })

  test('exits with 0 when an agent refuses to run on one component and runs on the other', async () => {
    const source = 'if (utils.nodeName() !== "hub") throw new Error("for the hub"); console.log("here")'
    await withFiles({ 'a.js': source }, async (folder) => {
      const { code, stdout, stderr } = await remora(['run', folder, '--pcap', SAMPLE], { cwd: folder })
      assert.match(stderr, /:ERROR\] Error: for the hub \(a\.js:1:39\)/)
      assert.match(stdout, /^\[hub-0\] here$/m)
      assert.equal(code, 0)
    })
  })

  test('takes hub.action to onHubAction', async () => {
    const source = `var n = 0;
function onItemCaptured(data) { n++ }
jobs.schedule("send", "0 0 0 * * *", function () { if (utils.nodeName() !== "hub") hub.action("count", { n: n, f: function () {} }) });
function onHubAction(action, object) { console.log(utils.nodeName(), action, object) }`
    await withFiles({ 'a.js': source }, async (folder) => {
      const { stdout } = await remora(['run', folder, '--pcap', SAMPLE, '--node-name', 'n'], { cwd: folder })
      assert.match(stdout, /^\[hub-0\] hub count \{"n":349\}$/m)
    })
  })

  test('delivers every hub.action even when one of those who hear it never comes back', async () => {
    const loops = 'var n = 0; function onHubAction() { if (++n === 2) { for (;;) {} } }'
    const counts = `var n = 0;
function onItemCaptured(data) { if (data.protocol.name === "http") hub.action("http", { n: 1 }) }
function onHubAction(action, object) { n += object.n }
jobs.schedule("report", "0 0 0 * * *", function () { console.log("heard", n) });`
    await withFiles({ 'a.js': loops, 'b.js': counts }, async (folder) => {
      const { stdout, stderr } = await remora(['run', folder, '--pcap', SAMPLE], { cwd: folder })
      assert.match(stderr, /\[hub-0:ERROR\] stopped: .*CPU time/)
      assert.match(stdout, /^\[hub-1\] heard 45$/m)
    })
  })

  test('runs the others when one is no script of the language, and says so', async () => {
    await withFiles(
      { 'a.js': 'function onItemCaptured(data) { let x }', 'b.js': COUNTER },
      async (folder) => {
        const { code, stdout, stderr } = await remora(['run', folder, '--pcap', SAMPLE], { cwd: folder })
        assert.equal(code, 2)
        assert.match(stderr, /^\[\S+-0:ERROR\] \S*a\.js:1:37: Unexpected token\n1 \| /m)
        assert.match(stderr, /scripting\.language: modern/)
        assert.match(stdout, /items 349/)
        assert.match(stdout, /^ {2}0 {2}a .* not loaded$/m)
        const alone = await remora(['run', join(folder, 'a.js'), '--pcap', SAMPLE], { cwd: folder })
        assert.equal(alone.code, 2)
        assert.equal(alone.stdout, '')
      },
    )
  })

  test('ends though agents answer each other on the hub without end', async () => {
    const echo = `function onItemCaptured() { hub.action("ping") } function onHubAction(action) { hub.action("pong") }`
    await withFiles({ 'a.js': echo, 'b.js': COUNTER }, async (folder) => {
      const { code, stdout, stderr } = await remora(['run', folder, '--pcap', SAMPLE], { cwd: folder })
      assert.equal(code, 0)
      assert.match(stderr, /^\[hub-0:ERROR\] onHubAction: 349 actions came after the end/m)
      assert.match(stdout, /items 349/)
    })
  })

  test('ends though jobs and timers ask for themselves without end, and runs those of others on time', async () => {
    const own = [
      'jobs.schedule("a", "* * * * * *", function () { jobs.run("a") })',
      'function again() { setTimeout(again, 0) } again()',
      'jobs.schedule("a", "* * * * * *", function () { jobs.run("b") }); jobs.schedule("b", "* * * * * *", function () { jobs.run("a") })',
      'setInterval(function () {}, 0)',
    ]
    const onTime =
      'var late = 0; jobs.schedule("s", "*/5 * * * * *", function () { if (Date.now() % 5000 !== 0) late++; else n++ }); var n = 0; jobs.schedule("report", "0 0 0 1 1 *", function () { console.log(n, "on time,", late, "late") })'
    const files = Object.fromEntries(own.map((source, at) => [`a${at}.js`, source]))
    await withFiles({ ...files, 'b.js': onTime }, async (folder) => {
      const { code, stdout } = await remora(['run', folder, '--pcap', SAMPLE], { cwd: folder })
      assert.equal(code, 0)
      assert.match(stdout, /\] 49 on time, 1 late$/m, 'the late one is the run at the end')
    })
  })

  test('tells onLogCall what is going on, but not what it does itself', async () => {
    const log =
      'function onLogCall(level, msg) { var record = JSON.parse(msg); console.log(level, record.message, record.title || ""); throw new Error("own") }'
    await withFiles({ 'a.js': log, 'b.js': 'function onItemCaptured() { for (;;); }' }, async (folder) => {
      const { stdout, stderr } = await remora(['run', folder, '--pcap', SAMPLE, '--node-name', 'n'], {
        cwd: folder,
      })
      assert.deepEqual(
        stdout
          .split('\n')
          .filter((line) => line.startsWith('['))
          .sort(),
        [
          '[n-0] error an agent was stopped b',
          '[n-0] info an agent was loaded a',
          '[n-0] info an agent was loaded b',
          '[n-0] info the capture begins ',
          '[n-0] info the capture ends ',
        ],
      )
      assert.match(stderr, /onLogCall: Error: own \(a\.js:1:126\)/)
    })
  })

  test('lets an agent say something about each of more packets than a call may print lines', async () => {
    const source = 'function onPacketCaptured(info) { console.log(info.length) }'
    await withFiles({ 'a.js': source }, async (folder) => {
      const { stdout } = await remora(['run', folder, '--pcap', SAMPLE, '--json'], { cwd: folder })
      assert.equal(lastLine(stdout).agents[0]?.state, 'ok')
      assert.equal(stdout.split('"level":"log"').length - 1, 1019)
    })
  })

  test('runs timers at their time among the events, and shows every hook the time of its event', async () => {
    const source = `var last = 0, back = 0, late = 0, broken = 0, timers = 0, times = {};
function see() { var now = Date.now(); if (now < last) back++; if (now % 1 !== 0) broken++; last = now; return now; }
function onPacketCaptured(info) { if (see() !== Math.floor(info.timestamp.getTime())) late++; }
function onItemCaptured(data) {
  var now = see(), delay = [0, 3, 40, 500, 7000][timers++ % 5];
  setTimeout(function () { if (see() !== now + delay) late++; times[delay] = (times[delay] || 0) + 1; }, delay);
}
jobs.schedule("report", "0 0 0 * * *", function () { console.log(back, late, broken, JSON.stringify(times)); });`
    const cutting =
      'setInterval(function () {}, 10); function onItemCaptured() { setTimeout(function () {}, 1) }'
    for (const files of [{ 'a.js': source }, { '0.js': cutting, 'a.js': source, 'z.js': cutting }])
      await withFiles(files, async (folder) => {
        const { stdout } = await remora(['run', folder, '--pcap', SAMPLE, '--node-name', 'n'], {
          cwd: folder,
        })
        assert.match(stdout, /\] 0 0 0 \{"0":70,"3":35,"40":35,"500":35,"7000":19\}/)
      })
  })

  test('gives agents their env, aliases and header names in any case', async () => {
    const source = `env.B = 3; env.C.d = 4; console.log(env.A, env.B + 1, JSON.stringify(env));
function onItemCaptured(data) { if (data.Protocol.Name === "http" && data.request && data.request.headers["HOST"]) { console.log(data.Request.Path, data.request.headers["HoSt"]) } }`
    await withFiles({ 'a.js': source }, async (folder) => {
      const { stdout } = await remora(
        [
          'run',
          folder,
          '--pcap',
          SAMPLE,
          '--set',
          'scripting.env.A=x,scripting.env.B=2,scripting.env.C.d=1',
          '--node-name',
          'n',
        ],
        { cwd: folder },
      )
      assert.match(stdout, /\[n-0\] x 3 \{"A":"x","B":2,"C":\{"d":1\}\}/)
      assert.match(stdout, /\[n-0\] \/json indigo\.test/)
    })
  })

  test('matches filters and marks entries', async () => {
    const source = `var hits = 0;
function onItemCaptured(data) { if (kfl.match("http and response.status == 404", data)) hits++; test.pass(data) }
try { kfl.match("htt ??? a : p", {}) } catch (error) { console.log("caught", error) }
try { kfl.match(env.MISSING, {}) } catch (error) { console.log("also", error) }
jobs.schedule("report", "0 0 0 * * *", function () { console.log("hits", hits, kfl.validate("http"), kfl.validate("((")) });`
    await withFiles({ 'a.js': source }, async (folder) => {
      const { stdout } = await remora(['run', folder, '--pcap', SAMPLE, '--node-name', 'n'], { cwd: folder })
      assert.match(stdout, /caught Error: 1:5: unexpected token "\?"/)
      assert.match(stdout, /also TypeError: kfl\.match\(query, data\): query must be text/)
      assert.match(stdout, /hits 1 true false/)
    })
  })

  test('exits with 2 and a way out for what a person got wrong', async () => {
    await withFiles({ 'bad.js': 'var a = 1;\nlet b = 2;', 'ok.js': COUNTER }, async (folder) => {
      const wrong: readonly (readonly [string[], RegExp])[] = [
        [['run', 'ok.js'], /--pcap FILE or --interface NAME/],
        [['run', 'ok.js', '--pcap', 'missing.pcap'], /missing\.pcap/],
        [['run', 'ok.js', '--pcap', 'ok.js'], /ok\.js/],
        [['run', 'bad.js', '--pcap', SAMPLE], /bad\.js:2:5: .*[\s\S]*scripting\.language/],
        [['run', 'none', '--pcap', SAMPLE], /there is no none/],
        [
          ['run', 'ok.js', '--pcap', SAMPLE, '--set', 'scripting.langage=es5'],
          /scripting\.langage[\s\S]*scripting\.language/,
        ],
        [['run', 'ok.js', '--pcap', SAMPLE, '--set', 'tap.bodies.maxSize=x'], /tap\.bodies\.maxSize/],
        [
          ['run', 'ok.js', '--pcap', 'a.pcap', '--pcap', 'b.pcap'],
          /one capture[\s\S]*mergecap -w - a\.pcap b\.pcap/,
        ],
        [
          ['run', 'ok.js', '--pcap', 'a.pcap', SAMPLE],
          /sample\.pcap is not a script[\s\S]*--pcap, one at a time/,
        ],
        [['check', 'bad.js'], /bad\.js:2:5/],
        [['nonsense'], /unknown command/],
      ]
      for (const [args, message] of wrong) {
        const { code, stderr } = await remora(args, { cwd: folder })
        assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
        assert.match(stderr, message)
        assert.doesNotMatch(stderr, /\n\s+at /, 'no stack trace')
      }
    })
  })

  test('gives helpers the time of the capture, so that files have the same names each time', async () => {
    const source = `jobs.schedule("keep", "0 * * * * *", function () { console.log(pcap.snapshot(), file.tar(".")) });
console.log("before");
console.log(JSON.parse(utils.health()).version, pcap.snapshot([]), pcap.snapshot([]))`
    const args = ['--pcap', SAMPLE, '--no-final-run', '--node-name', 'n']
    await withFiles({ 'a.js': source }, async (folder) => {
      const { stdout } = await remora(['run', join(folder, 'a.js'), ...args], { cwd: folder })
      assert.match(stdout, /\[n-0\] \d+\.\d+\.\d+ 1795416691\.pcap 1795416691-1\.pcap/)
      assert.match(stdout, /\] before\n.* pcap\.snapshot: an empty list means all streams\n/)
      assert.equal(stdout.match(/an empty list means all streams/g)?.length, 1, 'is said once')
      const minutes = [1795416720, 1795416780, 1795416840, 1795416900]
      assert.deepEqual(
        stdout.match(/^\[n-0\] \d+\.pcap .*$/gm),
        minutes.map((seconds) => `[n-0] ${seconds}.pcap kubeshark_${seconds}.tar.gz`),
      )
    })
  })

  test('comes to an end on a capture with times that no calendar has', async () => {
    const agents = {
      'a.js':
        'function onLogCall() {} function onPacketCaptured(info) { console.log(JSON.stringify(info.timestamp)) }',
      'b.js':
        'function again() { setTimeout(again, 0) } again(); jobs.schedule("b", "0 0 * * * *", function () {})',
      'c.js': 'setInterval(function () {}, 1000); function onItemCaptured() { jobs.run("c") }',
    }
    const { section, interface: describe, option, packet } = pcapng()
    const seconds = [1_767_225_600n, 2n ** 40n, 2n ** 50n, 2n ** 63n]
    const capture = Buffer.concat([
      section(),
      describe(1, 0, option(9, Uint8Array.of(0))),
      ...seconds.map((time) => packet(0, time, 'x'.repeat(60))),
    ])
    await withFiles(agents, async (folder) => {
      writeFileSync(join(folder, 'far.pcapng'), capture)
      const { code, stdout, stderr } = await remora(
        ['run', folder, '--json', '--pcap', join(folder, 'far.pcapng')],
        {
          cwd: folder,
        },
      )
      assert.equal(code, 0, stderr)
      const times = stdout
        .split('\n')
        .flatMap((line) => /"level":"log","text":"\\"(.*)\\""/.exec(line)?.[1] ?? [])
      assert.deepEqual(times, [
        '2026-01-01T00:00:00.000000000Z',
        '+036812-02-20T00:36:16.000000000Z',
        '0000-00-00T00:00:00.000000000Z',
        '0000-00-00T00:00:00.000000000Z',
      ])
      const { agents, ledger } = lastLine(stdout)
      assert.deepEqual(
        agents.map(({ state, errors }) => [state, errors]),
        Array(3).fill(['ok', 0]),
      )
      assert.deepEqual(ledger.discrepancies, [])
    })
  })

  test('writes the packets of failed calls with pcap helpers', async () => {
    await withFiles({}, async (folder) => {
      const { stdout } = await remora(['run', join(EXAMPLES, 'record-failures.js'), '--pcap', SAMPLE], {
        cwd: folder,
      })
      const name = /failures\/(\d+\.pcap)/.exec(stdout)?.[1]
      assert.ok(name !== undefined, stdout)
      const written = await remora(
        [
          'run',
          join(EXAMPLES, 'top-talkers.js'),
          '--json',
          '--pcap',
          join(folder, '.remora/data/failures', name),
        ],
        { cwd: folder },
      )
      const summary = lastLine(written.stdout)
      assert.deepEqual(summary.entries, { HTTP: 12, TCP: 2, 'TCP FLOW': 2 })
    })
  })
})

interface Summary {
  readonly packets: number
  readonly entries: Readonly<Record<string, number>>
  readonly agents: readonly { readonly state: string; readonly errors: number }[]
  readonly ledger: { readonly discrepancies: readonly string[] }
}

function lastLine(stdout: string): Summary {
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Summary
}
