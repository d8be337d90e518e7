import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import vm from 'node:vm'
import fc from 'fast-check'
import { type Language, parseAgent } from './gate.ts'
import { type ReadSet, type ResolveField, readSet } from './read-set.ts'

interface Tree {
  readonly [name: string]: true | Tree
}

const ENDPOINT = { ip: true, port: true, name: true } as const
const TREE: Tree = {
  id: true,
  stream: true,
  protocol: true,
  src: ENDPOINT,
  dst: ENDPOINT,
  elapsedTime: true,
  request: {
    method: true,
    path: true,
    headers: true,
    questions: true,
    postData: { text: true, params: true },
  },
  response: { status: true, code: true, headers: true, content: { text: true, size: true } },
  error: { type: true, msg: true },
  tags: true,
}

const resolve: ResolveField = (parents, property) => {
  let at: true | Tree = TREE
  for (const step of parents) at = at === true ? true : (at[step] ?? true)
  if (at === true) return { kind: 'unknown', name: property }
  const name = Object.keys(at).find((each) => each === property || alias(each) === property)
  if (name === undefined) return { kind: 'unknown', name: property }
  return { kind: at[name] === true ? 'leaf' : 'node', name }
}

function alias(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}

const ENTRIES: readonly object[] = [
  {
    id: 'w/1-0',
    stream: '1.pcap',
    protocol: { name: 'http', abbr: 'HTTP' },
    src: { ip: '10.0.0.1', port: '999', name: 'shop' },
    dst: { ip: '10.0.0.2', port: '80', name: '' },
    elapsedTime: 5,
    request: {
      method: 'GET',
      path: '/a',
      headers: { 'User-Agent': 'curl' },
      questions: [{ name: 'q' }],
      postData: { text: 'body', params: ['p'] },
    },
    response: { status: 500, code: 'bad', headers: {}, content: { text: 'oops', size: 4 } },
    error: null,
    tags: null,
  },
  {
    id: 'w/2-0',
    stream: '2.pcap',
    protocol: { name: 'dns', abbr: 'DNS' },
    src: { ip: '10.0.0.3', port: '53', name: 'x' },
    dst: { ip: '10.0.0.4', port: '53', name: 'y' },
    elapsedTime: 0,
    // Another protocol: it has not all of these fields.
    request: { questions: [{ name: 'z' }] },
    response: null,
    error: { type: 'timeout', msg: 'late' },
    tags: null,
  },
]

/** The part of an entry that crosses, with Go names on the prototypes, as the sandbox makes it. */
function crossing(entry: object, set: ReadSet, context: vm.Context): unknown {
  const wanted = set.whole ? undefined : set.paths
  const make = vm.runInContext(
    '(function (names, aliases) { var p = {}; names.forEach(function (n, i) { Object.defineProperty(p, aliases[i], { get: function () { return this[n] }, set: function (v) { this[n] = v }, configurable: true }) }); return Object.create(p) })',
    context,
  ) as (names: string[], aliases: string[]) => Record<string, unknown>
  const copy = vm.runInContext('(function (t) { return t === undefined ? t : JSON.parse(t) })', context) as (
    text: string | undefined,
  ) => unknown
  const build = (value: Record<string, unknown>, tree: Tree, prefix: string, all: boolean): unknown => {
    const names = Object.keys(value).filter((name) => {
      const path = `${prefix}${name}`
      return (
        all ||
        wanted === undefined ||
        wanted.some((each) => each === path || each === `${path}?` || each.startsWith(`${path}.`))
      )
    })
    const object = make(names, names.map(alias))
    for (const name of names) {
      const path = `${prefix}${name}`
      const below = tree[name]
      const inner = value[name]
      object[name] =
        below === true || below === undefined || inner === null
          ? copy(JSON.stringify(inner))
          : build(
              inner as Record<string, unknown>,
              below,
              `${path}.`,
              all || (wanted?.includes(path) ?? true),
            )
    }
    return object
  }
  return build(entry as Record<string, unknown>, TREE, '', set.whole)
}

/** All that a script says about the entries when these fields cross. */
function observe(source: string, set: ReadSet): string[] {
  const lines: string[] = []
  const context = vm.createContext({}, { codeGeneration: { strings: false, wasm: false } })
  const print = (text: string) => lines.push(text)
  const run = vm.runInContext(
    `(function (print) {
      var show = function (v) { return typeof v === 'object' && v !== null ? JSON.stringify(v) : String(v) }
      this.console = { log: function () { print([].map.call(arguments, show).join(' ')) } }
      this.test = { pass: function (d) { d.passed = true; return d }, fail: function (d) { d.failed = true; return d } }
      this.jobs = { schedule: function (a, b, f) { jobs.list.push(f) }, list: [] }
      this.env = {}
    })`,
    context,
  ) as (print: (text: string) => void) => void
  run.call(vm.runInContext('this', context), print)
  try {
    const load = vm.compileFunction(
      `${source}\n;return [function () { return onItemCaptured }, jobs.list]`,
      [],
      {
        parsingContext: context,
      },
    )
    const [hook, jobs] = load.call(vm.runInContext('({})', context)) as [
      () => (data: unknown) => void,
      (() => void)[],
    ]
    for (const entry of ENTRIES)
      try {
        hook()(crossing(entry, set, context))
        for (const job of jobs) job()
      } catch (error) {
        lines.push(String(error))
      }
  } catch (error) {
    lines.push(`does not load: ${error}`)
  }
  return lines
}

/** What is not read cannot be missed: the script says the same as with everything. */
function assertSound(source: string, language: Language = 'es5'): ReadSet {
  const set = readSet(parseAgent(source, { language, file: 'a.js' }), 'onItemCaptured', resolve)
  const full = observe(source, { whole: true, paths: [] })
  assert.ok(full.length > 0, 'this script says nothing, so it shows nothing')
  assert.deepEqual(observe(source, set), full)
  return set
}

const SCRIPTS: Readonly<Record<string, string>> = {
  'counts that are shared with other scripts':
    'this.shared = {}; var shared = this.shared;\nfunction onItemCaptured(data) { shared[data.stream] = (shared[data.stream] || 0) + 1; console.log(shared) }',
  'a field that it deletes':
    'function onItemCaptured(data) { delete data.tags; delete data.request; console.log(data.tags, data.request) }',
  'counts by status and path':
    'var counts = {};\nfunction onItemCaptured(data) { if (!data.response) return; var key = data.request.method + " " + data.request.path; counts[key] = (counts[key] || 0) + 1; console.log(counts, data.response && data.response.status) }',
  'a header by name':
    'function onItemCaptured(data) { console.log(data.request.headers && data.request.headers["User-Agent"], data.response == null) }',
  'a helper function of its own':
    'function keyOf(item) { return item.request.method + item.dst.name }\n       function onItemCaptured(data) { console.log(keyOf(data)) }',
  'functions in variables, inner functions and function expressions that are called at once':
    'var path = function (d) { return d.request.path }\n       function onItemCaptured(data) {\n         function stream(d) { return d.stream }\n         console.log(path(data), stream(data), (function (r) { return r.method })(data.request))\n       }',
  'variables for parts of the entry':
    'function onItemCaptured(data) { var d = data, request = d.request, post = request.postData; if (post) console.log(post.text); console.log(d.src.ip) }',
  'a variable that is assigned later, or holds a substitute':
    'function onItemCaptured(data) { var r; r = data.response || {}; console.log(r.status); var c = r.content ? r.content : { size: 0 }; console.log(c.size) }',
  'lists and maps in any way':
    'function onItemCaptured(data) { console.log(data.request.questions); for (var h in data.request.headers) console.log(h); data.request.questions.forEach(function (q) { console.log(q.name) }) }',
  'methods of text':
    'function onItemCaptured(data) { console.log(data.stream.split("."), data.src.ip.length) }',
  'tests for presence in every form':
    'function onItemCaptured(data) { if (data) console.log(1); if (!data.response) console.log(2); if (data.error != null) console.log(3); console.log(typeof data.request, data.src === undefined, data.dst == void 0 ? 1 : 2) }',
  'Go names':
    'function onItemCaptured(data) { console.log(data.Protocol.name, data.Request.Path, data.Response === null) }',
  'names in brackets, also in pieces':
    'function onItemCaptured(data) { console.log(data["request"]["pa" + "th"]) }',
  nothing: 'var n = 0; function onItemCaptured() { console.log(++n) }',
  'nothing of its parameter': 'function onItemCaptured(data) { console.log(1) }',
  'marks and results':
    'function onItemCaptured(data) { console.log(data.stream); if (data.elapsedTime > 3) return test.fail(data); return data }',
  'what test.pass gives back':
    'function onItemCaptured(data) { console.log(test.pass(data).stream); var d = test.fail(data); console.log(d.src.ip) }',
  closures:
    'function onItemCaptured(data) { var f = function () { return data.src.ip }; console.log([1].map(f), f()) }',
  'the last entry, kept for a job':
    "var last; jobs.schedule('x', '* * * * * *', function () { if (last) console.log(last.stream) })\n       function onItemCaptured(data) { last = data }",
  'a hook in a variable': 'var onItemCaptured = function (data) { console.log(data.stream) }',
  'a hook that is assigned': 'var onItemCaptured; onItemCaptured = function (d) { console.log(d.stream) }',
  'a hook without var': 'onItemCaptured = function (d) { console.log(d.stream) }',
  'variadic functions beside it':
    'function join() { var s = ""; for (var i = 0; i < arguments.length; i++) s += arguments[i]; return s }\nfunction onItemCaptured(data) { console.log(join(data.stream, data.src.ip)) }',
  'hasOwnProperty through the prototype':
    'var seen = {};\nfunction onItemCaptured(data) { console.log(Object.prototype.hasOwnProperty.call(seen, data.stream)); seen[data.stream] = 1 }',
  'parts that it only touches':
    'function onItemCaptured(data) { try { data.request.postData; console.log(1) } catch (e) { console.log(e.name) } try { data.response.code = 1; console.log(2) } catch (e) { console.log(e.name) } try { var p = data.response.content; console.log(3) } catch (e) { console.log(e.name) } }',
  exceptions:
    'function onItemCaptured(data) { try { console.log(data.response.status) } catch (e) { console.log("failed: " + e.name, data.stream) } }',
  'a function for parts':
    'function name(end) { return end.name || end.ip }\nfunction onItemCaptured(data) { console.log(name(data.src), name(data.dst)) }',
  recursion:
    'function f(d, n) { return n > 0 ? f(d, n - 1) : d.stream }\nfunction onItemCaptured(data) { console.log(f(data, 2)) }',
  'fields that it sets':
    'function onItemCaptured(data) { data.tags = { a: 1 }; data.request.path = "x"; console.log(data.stream) }',
  'the whole entry to a helper': 'function onItemCaptured(data) { console.log(data) }',
  JSON: 'function onItemCaptured(data) { console.log(JSON.stringify(data).length) }',
  'a part to a helper': 'function onItemCaptured(data) { console.log(data.request) }',
  'for-in': 'function onItemCaptured(data) { for (var k in data) console.log(k) }',
  in: 'function onItemCaptured(data) { console.log("request" in data) }',
  keys: 'function onItemCaptured(data) { console.log(Object.keys(data.request)) }',
  'a computed name':
    'function onItemCaptured(data) { var k = "re" + String.fromCharCode(113) + "uest"; console.log(data[k].path) }',
  'a name that is no field': 'function onItemCaptured(data) { console.log(data.hasOwnProperty("request")) }',
  'a number as a name': 'function onItemCaptured(data) { console.log(data.request[0], data.request) }',
  'text made of it':
    'Object.prototype.toString = function () { return this.path || this.ip };\nfunction onItemCaptured(data) { console.log(data.request + "", data.src == "[object Object]") }',
  'a getter on Object.prototype':
    'Object.defineProperty(Object.prototype, "foo", { get: function () { return this.stream } });\nfunction onItemCaptured(data) { console.log(data.foo) }',
  'a getter in place of a field that other protocols have':
    'Object.defineProperty(Object.prototype, "path", { get: function () { return this.questions }, set: function () {} });\nfunction onItemCaptured(data) { console.log(data.request.path) }',
  'the same, by the old way':
    'Object.prototype.__defineGetter__("path", function () { return this.questions });\nfunction onItemCaptured(data) { console.log(data.request.path) }',
  'a method in place of a field that other protocols have':
    'Object.prototype.path = function () { return JSON.stringify(this.questions) };\nfunction onItemCaptured(data) { console.log(typeof data.request.path === "function" ? data.request.path() : 0) }',
  'a method on the entry':
    'function onItemCaptured(data) { data.tags = function () { return this.stream }; console.log(data.tags()) }',
  'a prototype with getters':
    'function onItemCaptured(data) { data.__proto__ = { get x() { return this.stream } }; console.log(data.x) }',
  'a prototype by a computed name':
    'var name = ["__pro", "to__"].join("");\nfunction onItemCaptured(data) { data[name] = { get id2() { return this.stream } }; console.log(data.id2) }',
  arguments: 'function onItemCaptured(data) { console.log(arguments[0].stream) }',
  'arguments of a function that gets a part':
    'function f(r) { console.log(arguments[0].path) }\nfunction onItemCaptured(data) { f(data.request) }',
  'arguments of the running hook':
    'function f() { console.log(f.caller.arguments[0].stream) }\nfunction onItemCaptured(data) { f() }',
  'the hook by its own name':
    'var onItemCaptured = function me(data) { f(me) }; function f(g) { console.log(g.arguments[0].stream) }',
  'another function by the name of the hook':
    'function onItemCaptured(data) { console.log(data.stream) } function onItemCaptured(data) { console.log(data.src.ip) }',
  'another function later':
    'function onItemCaptured(data) { onItemCaptured = function (d) { console.log(d.src.ip) }; console.log(data.stream) }',
  'another function in a job':
    'jobs.schedule("a", "b", function () { onItemCaptured = function (d) { console.log(d.src.ip) } }); function onItemCaptured(data) { console.log(data.stream) }',
  'a variable by the name of the hook':
    'var onItemCaptured = function (data) { console.log(data.stream) }; onItemCaptured = function (d) { console.log(d.src.ip) }',
  'a function in a block by the name of the hook':
    'function onItemCaptured(data) { console.log(data.stream) } { function onItemCaptured(d) { console.log(d.src.ip) } }',
  'a hook in a condition': 'if (true) { var onItemCaptured = function (d) { console.log(d.src.ip) } }',
  'a hook from a maker':
    'var onItemCaptured = make(); function make() { return function (d) { console.log(d.src.ip) } }',
  'a hook that calls itself':
    'var n = 0; function onItemCaptured(data) { console.log(data.stream); if (n++ < 1) onItemCaptured(data.request) }',
  'a hook that is used otherwise':
    'var other = onItemCaptured; function onItemCaptured(data) { console.log(data.stream) }',
  'the parameter for a part': 'function onItemCaptured(data) { data = data.request; console.log(data.path) }',
  'the parameter for another part with fields of the same name':
    'function onItemCaptured(data) { console.log(f(data.src)) } function f(e) { e = { name: 1, up: e }; return e.up.port }',
  'the parameter twice': 'function onItemCaptured(x, x) { console.log(typeof x) }',
  'a function by the name of the parameter':
    'function onItemCaptured(data) { console.log(typeof data); function data() {} }',
  'a var by the name of the parameter':
    'function onItemCaptured(data) { var data; console.log(data.stream) }',
  'a caught error by the name of the parameter':
    'function onItemCaptured(data) { try { throw { stream: 1 } } catch (data) { console.log(data.stream); var data = 5 } console.log(data.src.ip) }',
  'a function expression by the name of the parameter':
    'function onItemCaptured(data) { var f = function data() { return typeof data }; console.log(f(), data.stream) }',
  'a parameter of an inner function':
    'function onItemCaptured(data) { console.log([{ path: 1 }].map(function (data) { return data.path }), data.stream) }',
  'a label by the name of the parameter':
    'function onItemCaptured(data) { data: for (;;) { console.log(data.stream); break data } }',
  call: 'function f(d) { console.log(d.stream) }\nfunction onItemCaptured(data) { f.call(null, data) }',
  apply: 'function f() { console.log(this.stream) }\nfunction onItemCaptured(data) { f.apply(data, []) }',
  bind: 'function f() { return this.stream }\nfunction onItemCaptured(data) { console.log(f.bind(data)()) }',
  'a function that is overwritten':
    'function f(d) { return d.stream } f = function (d) { return d.src.ip };\nfunction onItemCaptured(data) { console.log(f(data)) }',
  'a function that is declared twice':
    'function f(d) { return d.stream } function f(d) { return d.src.ip }\nfunction onItemCaptured(data) { console.log(f(data)) }',
  'a function that a block declares':
    'function f(d) { return d.stream } if (true) { function f(d) { return d.src.ip } }\nfunction onItemCaptured(data) { console.log(f(data)) }',
  'a function that an if declares':
    'if (true) function f(d) { return d.src.ip }\nfunction onItemCaptured(data) { console.log(f(data)) }',
  'a variable with another function':
    'var f = function (d) { return d.stream }; if (f) f = function (d) { return d.src.ip };\nfunction onItemCaptured(data) { console.log(f(data)) }',
  'a function by choice':
    'function f(d) { return d.stream } function g(d) { return d.src.ip }\nfunction onItemCaptured(data) { console.log((data.response ? f : g)(data)) }',
  'a constructor':
    'function F(d) { this.ip = d.src.ip }\nfunction onItemCaptured(data) { console.log(new F(data).ip) }',
  'a function that hands it back':
    'function same(x) { return x }\nfunction onItemCaptured(data) { console.log(same(data.src).ip) }',
  'a list': 'function onItemCaptured(data) { var l = [data]; console.log(l[0].stream) }',
  'an object': 'function onItemCaptured(data) { var o = { d: data.request }; console.log(o.d.path) }',
  'an undeclared variable': 'function onItemCaptured(data) { held = data.src; console.log(held.ip) }',
  'a variable of the whole script':
    'var held; function onItemCaptured(data) { held = data.src; show() } function show() { console.log(held.ip) }',
  'a variable in two steps and a loop':
    'function onItemCaptured(data) { var a = data, b; for (var i = 0; i < 2; i++) { if (b) console.log(b.ip); b = a.src; a = { src: b } } }',
  'a variable that changes places':
    'function onItemCaptured(data) { var a = data.src, b = data.dst, t = a; a = b; b = t; console.log(a.ip, b.name) }',
  'parts put elsewhere in the entry':
    'function onItemCaptured(data) { data.request = data.response; if (data.request) console.log(data.request.status) }',
  'a part put in a part':
    'function onItemCaptured(data) { data.request.postData = data.src; console.log(data.request.postData.text, data.request.postData.params) }',
  with: 'function onItemCaptured(data) { with (data) { console.log(stream) } }',
  eval: 'function onItemCaptured(data) { try { console.log(eval("data.stream")) } catch (e) { console.log(e.name) } }',
  delete:
    'function onItemCaptured(data) { delete data.request.path; console.log(data.request.path, data.stream) }',
  'compound assignment':
    'function onItemCaptured(data) { data.elapsedTime += 1; data.src.ip += data.stream; console.log(data.elapsedTime, data.src.ip) }',
  'a comma': 'function onItemCaptured(data) { var s = (data.dst, data.src); console.log(s.ip) }',
  'a strict block with a function of the same name':
    '"use strict"; function f(d) { return d.src.ip } function onItemCaptured(data) { { function f(d) { return d.stream } } console.log(f(data)) }',
  'a sloppy block that copies its variable outwards':
    'function onItemCaptured(data) { { r = data.src; function r() {} } console.log(r.ip) }',
  'another test.pass':
    'test.pass = function (d) { console.log(d.stream) };\nfunction onItemCaptured(data) { test.pass(data) }',
  'another test':
    'var test = { pass: function (d) { console.log(d.stream) } };\nfunction onItemCaptured(data) { test.pass(data) }',
  'another test in a function':
    'function onItemCaptured(data) { var test = { fail: function (d) { console.log(d.stream) } }; test.fail(data) }',
  throw: 'function onItemCaptured(data) { try { throw data } catch (e) { console.log(e.stream) } }',
  'a stack':
    'Error.prepareStackTrace = function (e, s) { return s }; function f() { return new Error().stack[1].getFunction()["argum" + "ents"][0].stream }\nfunction onItemCaptured(data) { console.log(f()) }',
  'a comparison that converts':
    'var x = "y"; Object.prototype.valueOf = function () { return this.ip };\nfunction onItemCaptured(data) { console.log(data.src == x, data.dst > 1) }',
  'a switch':
    'function onItemCaptured(data) { switch (data.src) { case 1: break; default: console.log(1) } }',
}

const MODERN_SCRIPTS: Readonly<Record<string, string>> = {
  'optional chains and constants':
    'function onItemCaptured(data) { const r = data?.response; console.log(r?.status ?? 0, data.request?.headers?.["User-Agent"]) }',
  patterns:
    'const onItemCaptured = ({ request: { method, path: p }, src, stream = 1 }) => { const { ip } = src; console.log(method, p, ip, stream) }',
  'default values':
    'function f({ stream } = {}, r = null) { console.log(stream, r) } function onItemCaptured(data, x = 1) { f(data) }',
  'arguments in an arrow function':
    'function onItemCaptured(data) { const f = () => arguments[0].stream; console.log(f()) }',
  shorthand: 'function onItemCaptured(data) { const o = { data }; console.log(o.data.stream) }',
  spread:
    'function f(d) { return d.stream }\nfunction onItemCaptured(data) { console.log({ ...data.src }, f(...[data])) }',
  rest: 'function f(a, ...b) { console.log(b[0].ip) }\nfunction onItemCaptured(data) { f(1, data.src) }',
  'the rest of a pattern':
    'function onItemCaptured(data) { const { stream, ...others } = data; console.log(others.src.ip) }',
  'a computed pattern':
    'function onItemCaptured(data) { const k = "src"; const { [k]: s } = data; console.log(s.ip) }',
  'a list pattern': 'function onItemCaptured(data) { const [a] = [data.src]; console.log(a.ip) }',
  'logical assignment':
    'function onItemCaptured(data) { let s = null; s ??= data.src; console.log(s.ip); s &&= data.dst; console.log(s.ip) }',
  'a default value that sees the entry':
    'function onItemCaptured(data) { function f(x = data.src) { return x.ip } console.log(f()) }',
  'a default value that reaches the body':
    'function onItemCaptured(data) { function f(x, y = (x = data.src)) { var x; return x.ip } console.log(f()) }',
  'a default value beside a variable of the body':
    'function onItemCaptured(data) { var r = data.src; function f(a = r.ip) { var r = 5; return a } console.log(f()) }',
  'a variable of a switch':
    'function onItemCaptured(data) { let s = data.src; switch (s.ip) { case "10.0.0.1": let s = 1; console.log(s); break; default: console.log(0) } }',
  'a class':
    'function onItemCaptured(data) { class A { constructor(d) { this.d = d } get ip() { return this.d.src.ip } } console.log(new A(data).ip) }',
  'a static block':
    'function onItemCaptured(data) { class A { static { var s = data.src; console.log(s.ip) } } }',
  'a tagged template': `function f(s, d) { return d.ip }\nfunction onItemCaptured(data) { console.log(f\`$\{data.src}\`) }`,
  'a method called in brackets':
    'function onItemCaptured(data) { data.src.name = function () { return this.ip }; console.log((data.src.name)(), (data?.src.name)()) }',
  'a generator':
    'function* g(d) { yield d.src } function onItemCaptured(data) { for (const s of g(data)) console.log(s.ip) }',
  'instanceof with a test of its own':
    'class A { static [Symbol.hasInstance](x) { return x.ip } }\nfunction onItemCaptured(data) { console.log(data.src instanceof A) }',
}

/** Kinds of objects in an entry: the fields of each that are values, and those that are objects again. */
const KINDS = {
  entry: {
    values: ['stream', 'elapsedTime'],
    objects: { request: 'request', Request: 'request', response: 'response', src: 'end', dst: 'end' },
  },
  request: { values: ['path', 'Method', 'headers'], objects: { postData: 'post' } },
  response: { values: ['status', 'code'], objects: { content: 'content' } },
  end: { values: ['ip', 'name'], objects: {} },
  post: { values: ['text'], objects: {} },
  content: { values: ['size'], objects: {} },
} as const
type Kind = keyof typeof KINDS
const ALL_KINDS = Object.keys(KINDS) as Kind[]

/** Programs that pass the objects of an entry around by the ways that are followed, and look at single values. */
function programs(): fc.Arbitrary<string> {
  const kinds = fc.letrec<Record<Kind, string>>((tie) => {
    const ways = (kind: Kind): fc.Arbitrary<string> => {
      const same = () => tie(kind) as fc.Arbitrary<string>
      const above = ALL_KINDS.flatMap((each) =>
        Object.entries(KINDS[each].objects).flatMap(([name, to]) =>
          to === kind ? [(tie(each) as fc.Arbitrary<string>).map((e) => `(${e}).${name}`)] : [],
        ),
      )
      const any = fc.constantFrom(...ALL_KINDS).chain((each) => tie(each) as fc.Arbitrary<string>)
      const start = fc.constantFrom(`${kind}1`, `${kind}2`, kind === 'entry' ? 'data' : `${kind}1`)
      return fc.oneof(
        { depthSize: 'small' },
        start,
        ...above,
        fc.tuple(same(), same(), fc.constantFrom('||', '&&')).map(([x, y, o]) => `(${x} ${o} ${y})`),
        fc.tuple(any, same()).map(([x, y]) => `(${x}, ${y})`),
        fc.tuple(any, same(), same()).map(([x, y, z]) => `(${x} ? ${y} : ${z})`),
        fc.tuple(fc.constantFrom(1, 2), same()).map(([n, e]) => `(${kind}${n} = ${e})`),
        kind === 'entry' ? same().map((e) => `test.pass(${e})`) : start,
      )
    }
    return Object.fromEntries(ALL_KINDS.map((kind) => [kind, ways(kind)])) as Record<
      Kind,
      fc.Arbitrary<string>
    >
  })
  const typed = fc.constantFrom(...ALL_KINDS).chain((kind) => kinds[kind].map((text) => ({ kind, text })))
  const value = typed.chain(({ kind, text }) =>
    fc.constantFrom(...KINDS[kind].values).map((name) => `(${text}).${name}`),
  )
  const statement = fc.oneof(
    { weight: 4, arbitrary: value.map((v) => `console.log(${v})`) },
    typed.map(({ kind, text }) => `look_${kind}(${text})`),
    typed.map(({ text }) => `if (${text}) console.log('there')`),
    typed.map(({ text }) => `console.log(typeof ${text}, !${text}, ${text} == null)`),
    typed.map(({ text }) => text),
    value.map((v) => `${v} = 'changed'`),
    typed.map(({ kind, text }) => `${kind}1 = ${text}`),
    value.map((v) => `console.log((function () { return ${v} })())`),
  )
  return fc
    .tuple(fc.array(statement, { minLength: 1, maxLength: 8 }), fc.infiniteStream(value))
    .map(([statements, values]) => {
      const looks = ALL_KINDS.map(
        (kind) => `function look_${kind}(${kind}1) { if (n++ < 9) console.log(${values.next().value}) }`,
      )
      const variables = ALL_KINDS.flatMap((kind) => [`${kind}1 = null`, `${kind}2`])
      const body = statements.map((each) => `try { ${each} } catch (e) { console.log(e.name) }`)
      return `var n = 0, data\n${looks.join('\n')}\nvar ${variables.join(', ')}
function onItemCaptured(data) { console.log('item')\n${body.join('\n')} }`
    })
}

describe('what does not cross is not missed', () => {
  for (const [name, source] of Object.entries(SCRIPTS)) test(`by ${name}`, () => void assertSound(source))
  for (const [name, source] of Object.entries(MODERN_SCRIPTS))
    test(`by ${name}, in newer JavaScript`, () => void assertSound(source, 'modern'))

  test('by programs put together at random', () => {
    let precise = 0
    fc.assert(
      fc.property(programs(), (source) => {
        if (!assertSound(source).whole) precise++
      }),
      { numRuns: RUNS },
    )
    assert.ok(precise > RUNS / 10, `nothing was shown: ${precise} of ${RUNS} were not read as a whole`)
  })
})

const RUNS = 300
