import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { REPOSITORY, remora, withFiles } from '../src/testing/remora.ts'

const SAMPLE = join(REPOSITORY, 'samples/sample.pcap')

/** An honest agent, whose report must be the same whoever runs beside it. */
const HONEST = `// Honest
var seen = {};
function onItemCaptured(data) {
  var key = data.protocol.abbr + " " + (data.request && data.request.path) + " " + (data.response && data.response.status);
  seen[key] = (seen[key] || 0) + 1;
}
jobs.schedule("report", "0 0 0 * * *", function () { console.log(JSON.stringify(seen)); });
`
const EVERY = (body: string) => `function onItemCaptured(data) { ${body} }`

/** Stopped, with a reason that says what they did. */
const STOPPED: Readonly<Record<string, readonly [source: string, reason: RegExp]>> = {
  'loops for ever': [EVERY('for (;;);'), /CPU time/],
  'loops in a getter of what it throws': [EVERY('throw { get message() { for (;;); } }'), /CPU time/],
  'loops in toString of what it logs': [
    EVERY('console.log({ toJSON: function () { for (;;); } })'),
    /CPU time/,
  ],
  'catches everything in a loop': [
    EVERY('for (;;) { try { for (;;); } catch (e) {} finally { continue } }'),
    /CPU time/,
  ],
  'backtracks in a regular expression': [
    EVERY('var s = new Array(40).join("a") + "!"; for (;;) /(a+)+$/.test(s)'),
    /CPU time/,
  ],
  'loops in a sort': [EVERY('[3, 2, 1].sort(function () { for (;;); })'), /CPU time/],
  'loops in a replace': [EVERY('"aaa".replace(/a/g, function () { for (;;); })'), /CPU time/],
  'asks helpers for ever': [EVERY('for (;;) hub.targeted()'), /CPU time/],
  'loops on packets': ['function onPacketCaptured(info) { while (info) {} }', /CPU time/],
  'fills an array-like without end': [
    EVERY('Array.prototype.fill.call({ length: 9007199254740991 }, 1)'),
    /too many|CPU time|memory/,
  ],
  'joins an array without end': [
    EVERY('var a = []; a.length = 4294967295; a.join("x")'),
    /RangeError|CPU time|memory/,
  ],
  'grows an array': [
    EVERY('var a = []; for (;;) a.push(new Array(1000).join("x") + a.length)'),
    /memory|CPU time/,
  ],
  'grows a string': [
    EVERY('var s = "x"; for (;;) { s += s; s.charCodeAt(s.length - 1) }'),
    /RangeError|memory|CPU time/,
  ],
  'grows an object': [EVERY('var o = {}; for (var i = 0; ; i++) o["k" + i] = { i: i }'), /memory|CPU time/],
  'takes large arrays at once': [
    EVERY('var a = []; for (;;) a.push(new Array(30000000))'),
    /memory|CPU time/,
  ],
  'floods the console': [EVERY('for (var i = 0; i < 1e6; i++) console.log("flood", i)'), /flooded/],
  'floods and catches': [
    EVERY('for (var i = 0; i < 1e6; i++) try { console.log("flood", i) } catch (e) {}'),
    /flooded/,
  ],
  'logs megabytes': [
    EVERY('for (var i = 0; i < 100; i++) console.log(new Array(60000).join("x"))'),
    /flooded/,
  ],
  'throws on each event': [EVERY('throw new Error("always")'), /100 times in a row/],
  'throws on each packet': [
    'function onPacketCaptured(info) { throw new Error("always") }',
    /100 times in a row/,
  ],
  'recurses and throws on each event': [EVERY('(function f() { f() })()'), /100 times in a row/],
  'throws what cannot be shown': [
    EVERY('throw { get message() { throw 1 }, toString: function () { throw 2 } }'),
    /100 times in a row/,
  ],
}

/** Left alone, because nothing that they do reaches anybody. */
const HARMLESS: Readonly<Record<string, string>> = {
  'edits its data': EVERY(
    'data.protocol.abbr = "X"; data.response = null; data.request = { path: "/evil" }; delete data.src',
  ),
  'freezes its data': EVERY('Object.freeze(data); Object.freeze(data.request)'),
  'replaces Object.prototype methods':
    'Object.prototype.toString = function () { return "evil" }; Object.prototype.path = "/evil"',
  'replaces JSON': 'JSON.stringify = function () { return "evil" }; JSON.parse = function () { return {} }',
  'replaces array methods':
    'Array.prototype.push = Array.prototype.slice = Array.prototype.join = function () { return "evil" }',
  'puts setters on prototypes':
    'Object.defineProperty(Object.prototype, "abbr", { set: function () {}, get: function () { return "evil" } })',
  'replaces helpers': 'console.log = function () {}; jobs = null; console = null',
  'deletes helpers': 'delete this.console; delete console.log',
  'overwrites env': 'env = { A: 1 }; env.B = 2',
  'leaves by constructors': 'var f = [].constructor.constructor; try { f("return process")() } catch (e) {}',
  'leaves by helpers': 'try { console.log.constructor("return process")().exit(1) } catch (e) {}',
  'leaves by data': EVERY('try { data.constructor.constructor("return process")().exit(1) } catch (e) {}'),
  'leaves by callers': EVERY(
    'var c = arguments.callee.caller; if (c) c.constructor("return process")().exit(1)',
  ),
  'leaves by stack traces':
    'Error.stackTraceLimit = 100; Error.prepareStackTrace = function (e, s) { return s }; var s = new Error().stack; for (var i = 0; i < s.length; i++) try { s[i].getThis().process.exit(1) } catch (x) {}',
  'leaves by errors of helpers':
    'try { file.read("../../etc/passwd") } catch (e) { try { e.constructor.constructor("return process")().exit(1) } catch (x) {} }',
  'asks for files outside': 'try { file.read("/etc/passwd"); file.write("/tmp/evil", "x") } catch (e) {}',
  'asks for modules': 'try { require("fs") } catch (e) {} try { process.exit(1) } catch (e) {}',
  'asks for typed arrays':
    'try { new Uint8Array(1e9) } catch (e) {} try { new SharedArrayBuffer(1e9) } catch (e) {}',
  'uses eval':
    'try { eval("for(;;);") } catch (e) {} try { new Function("for(;;);")() } catch (e) {} try { setTimeout("for(;;);", 0) } catch (e) {}',
  'calls helpers with nonsense':
    'try { hub.action({ toString: function () { throw 1 } }, function () {}) } catch (e) {} try { jobs.schedule(1, 2, 3) } catch (e) {}',
  'makes nothing of what it sends as JSON':
    'Array.prototype.toJSON = function () {}; Object.prototype.toJSON = function () {}; try { hub.targeted() } catch (e) {} try { hub.action("x", {}) } catch (e) {} kfl.match("http", {})',
  'makes something else of what it sends as JSON':
    'Array.prototype.toJSON = function () { return 5 }; try { hub.targeted() } catch (e) {} console.log([1])',
  'sends circles to helpers': 'var o = {}; o.o = o; try { hub.action("x", o) } catch (e) {} console.log(o)',
  'removes all jobs of its tag': 'try { jobs.remove("nothing") } catch (e) {}',
  'recurses once': 'try { (function f() { f() })() } catch (e) {}',
  'makes many timers': 'for (var i = 0; i < 1000; i++) setTimeout(function () {}, 1e9)',
  'defines every hook as nonsense':
    'var onItemCaptured = 5, onPacketCaptured = {}, onItemQueried = "x", onHubAction = /x/',
}

describe('hostile agents', { concurrency: false }, () => {
  test('there are at least forty', () => {
    assert.ok(Object.keys(STOPPED).length + Object.keys(HARMLESS).length >= 40)
  })

  for (const [name, [source, reason]] of Object.entries(STOPPED))
    test(`an agent that ${name} is stopped, and nobody else notices`, async () => {
      const { report, summary, errors } = await beside(source)
      assert.equal(report, await alone())
      const hostile = summary.agents.find(({ index }) => index === 0)
      assert.equal(hostile?.state, 'stopped', errors)
      assert.match(hostile?.reason ?? '', reason)
      assert.deepEqual(summary.ledger.discrepancies, [])
    })

  for (const [name, source] of Object.entries(HARMLESS))
    test(`an agent that ${name} reaches nobody`, async () => {
      const { report, summary } = await beside(source)
      assert.equal(report, await alone())
      assert.deepEqual(summary.ledger.discrepancies, [])
      assert.equal(summary.restarts, 0)
    })
})

describe('the bridge', () => {
  test('gives nobody the answer to a call that was broken off', async () => {
    const loops = EVERY('for (;;) hub.targeted()')
    const files = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [`${name}.js`, loops]))
    const reads = `file.write("mine.txt", "mine"); var wrong = 0
function onItemCaptured() { if (file.read("mine.txt") !== "mine") wrong++ }
jobs.schedule("report", "0 0 0 1 1 *", function () { console.log("wrong", wrong) })`
    const { report, summary } = await run({ ...files, 'f.js': reads }, 5)
    assert.equal(report, 'wrong 0')
    assert.equal(summary.agents.filter(({ state }) => state === 'stopped').length, 5)
  })
})

describe('a realm', () => {
  test('shows nothing of its surroundings in stack traces', async () => {
    const { report } = await run({ '0-spy.js': SPY }, 0)
    assert.equal(report, '{"own":true,"others":0}')
  })
})

/** Looks at every frame of a stack for functions and objects that are not its own. */
const SPY = `var own = false, others = 0;
function onItemCaptured(data) {
  var prepare = Error.prepareStackTrace;
  Error.stackTraceLimit = 100;
  Error.prepareStackTrace = function (error, sites) { return sites; };
  new Error().stack.forEach(function (site) {
    if (site.getFunction() === onItemCaptured) own = true;
    else if (site.getFileName() !== "0-spy.js" && (site.getFunction() || site.getThis())) others++;
  });
  Error.prepareStackTrace = prepare;
}
jobs.schedule("report", "0 0 0 * * *", function () { console.log(JSON.stringify({ own: own, others: others })); });
`

interface Summary {
  readonly agents: readonly { index: number; state: string; reason: string }[]
  readonly ledger: { readonly discrepancies: readonly string[] }
  readonly restarts: number
}

let aloneReport: Promise<string> | undefined

function alone(): Promise<string> {
  aloneReport ??= run({ '1-honest.js': HONEST }, 0).then(({ report }) => report)
  return aloneReport
}

function beside(source: string): Promise<{ report: string; summary: Summary; errors: string }> {
  return run({ '0-hostile.js': source, '1-honest.js': HONEST }, 1)
}

/** The report of the honest agent, and the summary. */
function run(
  files: Record<string, string>,
  honest: number,
): Promise<{ report: string; summary: Summary; errors: string }> {
  return withFiles(files, async (folder) => {
    const { stdout, stderr, code } = await remora(
      ['run', folder, '--pcap', SAMPLE, '--json', '--node-name', 'n'],
      { cwd: folder },
    )
    assert.equal(code, 0, stderr)
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const report = lines
      .filter(({ type, index, level }) => type === 'console' && index === honest && level === 'log')
      .map(({ text }) => text)
      .join('\n')
    return { report, summary: lines.at(-1) as unknown as Summary, errors: stdout + stderr }
  })
}
