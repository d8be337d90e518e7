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
/** Another one, which uses what the sandbox keeps for all of them: time, timers, jobs, the hub, `this`, files. */
const BUSY = `// Busy
this.seen = 0; file.mkdir("busy");
function onItemCaptured(data) {
  if (++this.seen % 20 !== 0) return;
  console.log(data.id, JSON.stringify(data.request && data.request.headers), new Date().toISOString());
  file.write("busy/" + this.seen, data);
  hub.action("busy", { seen: this.seen });
  setTimeout(function (at) { console.log("later", at, Date.now()); }, 1000, this.seen);
}
function onHubAction(action, object) { if (action === "busy") console.log(JSON.stringify(object)); }
jobs.schedule("busy", "*/30 * * * * *", function () { console.log(this.seen, file.list("busy").join(), Date.now()); });
`
const EVERY = (body: string) => `function onItemCaptured(data) { ${body} }`
/** When others have something to lose. */
const LATE = (body: string) =>
  `var calls = 0; function onItemCaptured(data) { if (++calls >= 100) { ${body} } }`
/** Where it is memory that an agent is to be stopped for: on a busy machine its CPU time would be up first. */
const MEMORY_ALONE = ['--set', 'scripting.budgets.hookMs=10000']
const LONG =
  'function long(length) { var text = "x"; while (text.length < length) text += text; text.charCodeAt(1); return text }'

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
  'fills an array-like without end': [
    EVERY('Array.prototype.fill.call({ length: 9007199254740991 }, 1)'),
    /too many|CPU time|memory/,
  ],
  'joins an array without end': [
    EVERY('var a = []; a.length = 4294967295; a.join("x")'),
    /RangeError|CPU time|memory/,
  ],
  'throws on each event': [EVERY('throw new Error("always")'), /100 times in a row/],
  'throws what cannot be shown': [
    EVERY('throw { get message() { throw 1 }, toString: function () { throw 2 } }'),
    /100 times in a row/,
  ],
  'throws on each packet': [
    'function onPacketCaptured(info) { throw new Error("always") }',
    /100 times in a row/,
  ],
  'recurses and throws on each event': [EVERY('(function f() { f() })()'), /100 times in a row/],
  'asks helpers without end': [LATE('for (;;) file.exists("x")'), /CPU time/],
  'asks helpers without end, whatever they say': [
    LATE('for (;;) try { file.read("no such file") } catch (e) {}'),
    /CPU time/,
  ],
  'asks for an array of 240 MB': [LATE('new Array(30000000).join("x")'), /memory|CPU time/],
  'puts more and more on this': [
    `${LONG} ${LATE('this["n" + calls] = long(4000000) + calls')}`,
    /holds|memory/,
  ],
  'puts more and more names on this': [
    LATE('for (var i = 0; i < 40000; i++) this[calls + "-" + i] = i'),
    /holds|CPU time/,
  ],
}

/** Left alone, because nothing that they do reaches anybody. */
const HARMLESS: Readonly<Record<string, string>> = {
  'asks on each event for what is not there': EVERY('file.read("no such file")'),
  'sets timers without end': LATE('for (;;) setTimeout(function () {}, 1e9)'),
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
  'sets a timer from a timer without end': 'function again() { setTimeout(again, 0) } again()',
  'sets a timer from each timer, twice':
    'var n = 0; function again() { if (n++ < 100000) { setTimeout(again, 0); setTimeout(again, 0) } } again()',
  'sets intervals of nothing': 'for (var i = 0; i < 20; i++) setInterval(function () {}, 0)',
  'sets and clears timers': EVERY(
    'for (var i = 0; i < 1000; i++) clearTimeout(setTimeout(function () {}, 1e9))',
  ),
  'runs its job from its job':
    'jobs.schedule("again", "* * * * * *", function () { jobs.run("again"); jobs.run("again") })',
  'answers each action with two':
    'function onHubAction() { try { hub.action("evil"); hub.action("evil") } catch (e) {} } hub.action("evil")',
  'fills the hub': `${LONG} ${LATE('try { for (var i = 0; i < 50; i++) hub.action("evil", long(1000000)) } catch (e) {}')} function onHubAction() {}`,
  'makes jobs without end': LATE(
    'try { for (var i = 0; i < 5000; i++) jobs.schedule("job " + i, "0 0 0 1 1 *", function () {}) } catch (e) {}',
  ),
  'hides its hooks behind getters that throw':
    'Object.defineProperty(globalThis, "onItemCaptured", { get: function () { throw null } })',
  'hides a hook for packets when it is too late': `var late = false, n = 0;
Object.defineProperty(globalThis, "onPacketCaptured", { get: function () {
  if (late) throw { get message() { throw null } };
  return function () { if (++n === 500) late = true };
} })`,
  'throws a message of megabytes': `${LONG} ${LATE('throw new Error(long(30000000))')}`,
  'throws a message of many lines': LATE('throw new Error(new Array(1000000).join("\\n"))'),
  'sends megabytes to helpers': `${LONG} ${LATE('try { file.write("x", long(20000000)) } catch (e) {}')}`,
  'sends helpers what JSON does not say': LATE(
    'Array.prototype.toJSON = function () {}; try { file.exists("x") } catch (e) {}',
  ),
  'puts parts of descriptors on prototypes':
    'Object.prototype.value = 1; Object.prototype.get = Object.prototype.set = function () {}; Object.prototype.writable = false; function onPacketCaptured(info) { info.timestamp.getTime() }',
  'looks for long texts in long texts': `${LONG} ${LATE('try { (long(9000000) + "y").lastIndexOf(long(3000000) + "yy") } catch (e) {}')}`,
  'defines every hook as nonsense':
    'var onItemCaptured = 5, onPacketCaptured = {}, onItemQueried = "x", onHubAction = /x/',
}

describe('hostile agents', { concurrency: false }, () => {
  test('there are at least forty', () => {
    assert.ok(Object.keys(STOPPED).length + Object.keys(HARMLESS).length >= 40)
  })

  for (const [name, [source, reason]] of Object.entries(STOPPED))
    test(`an agent that ${name} is stopped, and nobody else notices`, async () => {
      const { report, summary, errors } = await beside(
        source,
        ...(reason.source.includes('CPU time') ? [] : MEMORY_ALONE),
      )
      assert.equal(report, await alone())
      const hostile = summary.agents.find(({ index }) => index === 0)
      assert.equal(hostile?.state, 'stopped', errors)
      assert.match(hostile?.reason ?? '', reason)
      assert.deepEqual(summary.ledger.discrepancies, [])
      assert.equal(summary.restarts, 0)
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
    const { report, summary } = await run({ ...files, 'f.js': reads })
    assert.match(report, /wrong 0/)
    assert.equal(summary.agents.filter(({ state }) => state === 'stopped').length, 5)
  })
})

describe('entries that hostile agents have had in hand', () => {
  for (const [name, toJSON] of Object.entries({
    nothing: '',
    'no object': 'return 5',
    'a list': 'return []',
    'an error': 'throw null',
  }))
    test(`are shown when what one makes of them is ${name}`, async () => {
      const source = `function onItemQueried(data) { return { toJSON: function () { ${toJSON} } } }`
      const { entries, summary, report } = await beside(source, '--entries')
      assert.equal(entries, 349)
      assert.equal(report, await alone())
      assert.deepEqual(summary.ledger.discrepancies, [])
      assert.equal(summary.restarts, 0)
    })

  test('have tags of a size that can be shown', async () => {
    const source = `${LONG} ${EVERY('data.tags = [long(1000000)]')}`
    const { summary } = await beside(source, '--entries')
    assert.match(summary.agents.find(({ index }) => index === 0)?.reason ?? '', /data\.tags must have/)
  })
})

describe('newer JavaScript', () => {
  test('has symbols by name that are an agent’s own, and count as its memory', async () => {
    const leak =
      'let n = 0; function onItemCaptured() { for (let i = 0; i < 1500; i++) Symbol.for(n++ + "x".repeat(1000)) }'
    const same =
      'console.log(Symbol.for("a") === Symbol.for("a"), Symbol.keyFor(Symbol.for("b")), Symbol.keyFor(Symbol.iterator))'
    const modern = ['--set', 'scripting.language=modern', ...MEMORY_ALONE]
    const { report, summary } = await run({ '0-leak.js': leak, '1-same.js': same }, ...modern)
    assert.match(summary.agents[0]?.reason ?? '', /holds/)
    assert.equal(summary.restarts, 0)
    assert.match(report, /true b undefined/)
  })
})

describe('a realm', () => {
  test('shows nothing of its surroundings in stack traces', async () => {
    const { report } = await run({ '0-spy.js': SPY })
    assert.match(report, /\{"own":true,"others":0\}/)
  })

  test('hands over no object of another realm, whatever the script replaces and wherever the stack ends', async () => {
    const { report } = await run({ '0-thief.js': THIEF }, '--entries', '--set', 'scripting.language=modern')
    assert.match(report, /stolen: 0/)
  })
})

/** Takes what it can get: where arrays are iterated, where errors are looked at, and where the stack is used up. */
const THIEF = `let stolen = 0, depth = 0
const look = (value) => {
  if (typeof value !== "object" || value === null) return
  if (!(Object.prototype.isPrototypeOf(value))) stolen++
  if (Array.prototype.isPrototypeOf(value)) for (let at = 0; at < value.length; at++) look(value[at])
}
const iterate = Array.prototype[Symbol.iterator]
Array.prototype[Symbol.iterator] = function () { look(this); return iterate.call(this) }
Object.defineProperty(Error, Symbol.hasInstance, { value: (thrown) => { look(thrown); return false } })
Object.defineProperty(Object.prototype, "toJSON", { value: function () { look(this) }, writable: true, configurable: true })
this.mine = 1
const attempts = [
  () => this.mine, () => { this.mine = 2 }, () => "mine" in this, () => Object.keys(this), () => { delete this.other },
  () => jobs.list(), () => kfl.match("http", {}), () => utils.nodeName(), () => Date.now(), () => hub.action("x"),
]
const fall = (attempt) => {
  try { attempt() } catch (thrown) { look(thrown) }
  try { fall(attempt) } catch (thrown) { look(thrown) }
}
const sink = (frames, attempt) => (frames === 0 ? fall(attempt) : sink(frames - 1, attempt))
function onItemCaptured(data) {
  data.tags = { a: 1 }
  if (depth < 20) for (const attempt of attempts) try { sink(depth, attempt) } catch (thrown) { look(thrown) }
  depth++
}
function onPacketCaptured(info) { look(info) }
jobs.schedule("report", "0 0 0 * * *", () => console.log("stolen: " + stolen))
`

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
  aloneReport ??= beside('').then(({ report }) => report)
  return aloneReport
}

function beside(source: string, ...flags: readonly string[]): Promise<Outcome> {
  return run({ '0-hostile.js': source, '1-honest.js': HONEST, '2-busy.js': BUSY }, ...flags)
}

interface Outcome {
  /** All that the honest agents have said, or the only agent. */
  readonly report: string
  readonly entries: number
  readonly summary: Summary
  readonly errors: string
}

function run(files: Record<string, string>, ...flags: readonly string[]): Promise<Outcome> {
  return withFiles(files, async (folder) => {
    const { stdout, stderr, code } = await remora(
      ['run', folder, '--pcap', SAMPLE, '--json', '--node-name', 'n', ...flags],
      { cwd: folder },
    )
    assert.equal(code, 0, stderr)
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const first = Object.keys(files).length === 1 ? 0 : 1
    const report = lines
      .filter(({ type, index }) => type === 'console' && (index as number) >= first)
      .map(({ node, index, level, text }) => `${node}-${index} ${level}: ${text}`)
      .join('\n')
    const entries = lines.filter(({ type }) => type === 'entry').length
    return { report, entries, summary: lines.at(-1) as unknown as Summary, errors: stdout + stderr }
  })
}
