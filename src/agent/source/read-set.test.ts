import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { entryProtocols } from '../../dissectors/index.ts'
import { resolveField } from '../../entry/layout.ts'
import { ENTRY_FIELDS } from '../../helpers/otel/entry-fields.ts'
import { parseAgent } from './gate.ts'
import { readSet } from './read-set.ts'

const resolve = (parents: readonly string[], property: string) =>
  resolveField(entryProtocols, parents, property)

function read(source: string, language: 'es5' | 'modern' = 'es5'): string {
  const { whole, paths } = readSet(parseAgent(source, { language, file: 'a.js' }), 'onItemCaptured', resolve)
  return whole ? '*' : paths.join(' ')
}

const hook = (body: string) => `function onItemCaptured(data) { ${body} }`

const FOR_SPANS = [...new Set(ENTRY_FIELDS)].sort().join(' ')

/** Hooks of which it is known what they read. */
const PRECISE: readonly (readonly [string, string])[] = [
  [hook(''), ''],
  [hook('n++'), ''],
  [hook('counts[data.response.status]++'), 'response.status'],
  [hook('if (data.response && data.response.status === 500) n++'), 'response.status response?'],
  [hook('if (!data.response || data.request == null) return; n++'), 'request? response?'],
  [
    hook('var key = data.request.method + " " + data.request.path; counts[key] = 1'),
    'request.method request.path',
  ],
  [
    hook('var request = data.request; if (request) counts[request.path] = request["method"]'),
    'request.method request.path request?',
  ],
  [
    hook('x = data.request.headers["User-Agent"]; for (var h in data.request.headers) n++'),
    'request.headers',
  ],
  [`${hook('count(data)')}function count(entry) { n += entry.elapsedTime }`, 'elapsedTime'],
  [`${hook('count(data.response)')}function count(r) { if (r) n += r.status }`, 'response.status response?'],
  [hook('data.Request.Path; data.Protocol.Name'), 'protocol request.path'],
  [hook('return test.pass(data)'), ''],
  [hook('data.passed = true; data.mine = 1; return data'), ''],
  [hook('later = function () { return data.timestamp }'), 'timestamp'],
  ['var onItemCaptured = function (data) { n += data.size }', 'size'],
  [hook('var data2 = 5; (function (data) { data.anything(data) })(7); n = data.index'), 'index'],
  [hook('try { n = data.index } catch (e) { n = e.message }'), 'index'],
  [hook('n = data.response ? data.response.status : 0'), 'response.status response?'],
  [hook('otel.spanFromEntry(data)'), FOR_SPANS],
  [
    hook('try { otel.spanFromEntry.queue(data, { side: env.SIDE }) } catch (e) { console.error(e) }'),
    FOR_SPANS,
  ],
  [hook('otel.metric("n", 1); otel.spanFromEntry(data)'), FOR_SPANS],
]

/** Ways to read more than it looks like: everything below must count as read. */
const OPAQUE: readonly (readonly [string, string])[] = [
  [hook('console.log(data)'), '*'],
  [hook('otel.log(data)'), '*'],
  [hook('otel.spanFromEntry(1, data)'), '*'],
  [hook('otel.spanFromEntry.other(data)'), '*'],
  [`var otel = mine; ${hook('otel.spanFromEntry(data)')}`, '*'],
  [`otel.spanFromEntry = mine; ${hook('otel.spanFromEntry(data)')}`, '*'],
  [`change(otel); ${hook('otel.spanFromEntry(data)')}`, '*'],
  [hook('JSON.stringify(data)'), '*'],
  [hook('all.push(data)'), '*'],
  [hook('for (var k in data) n++'), '*'],
  [hook('n = data[name]'), '*'],
  [hook('n = "stream" in data'), '*'],
  [hook('n = data.hasOwnProperty("stream")'), '*'],
  [hook('n = data + ""'), '*'],
  [hook('data = other; n = data.index'), '*'],
  [hook('n = arguments[0].stream'), '*'],
  [hook('n = eval("data.stream")'), '*'],
  [hook('with (data) n = stream'), '*'],
  [hook('var d = data; d = d || x; n = d.stream'), '*'],
  [hook('keep = data'), '*'],
  [hook('this.keep = data'), '*'],
  [hook('return function () { return data }'), '*'],
  [hook('return [data]'), '*'],
  [hook('n = { data: data }'), '*'],
  [hook('unknown(data)'), '*'],
  [hook('unknown.call(null, data)'), '*'],
  [`${hook('new Thing(data)')}function Thing(d) { this.d = d }`, '*'],
  [`${hook('count(data)')}function count(d) { keep = d }`, '*'],
  [`${hook('count(data)')}function count(d) { return d }`, '*'],
  [`${hook('count(data)')}function count() { keep = arguments[0] }`, '*'],
  [`${hook('count(data)')}function count(d) {} count = unknown`, '*'],
  [`${hook('count(data)')}function count(d) {} function count(d) { keep = d }`, '*'],
  [`${hook('count(data)')}var alias = count; function count(d) {}`, '*'],
  [hook('keep = data.request'), 'request'],
  [hook('n = Object.keys(data.request)'), 'request'],
  [hook('n = data.request[name]'), 'request'],
  [hook('n = data.request.unknownField'), 'request'],
  [hook('n = data.request.toString()'), 'request'],
  [hook('delete data.request'), 'request'],
  [hook('n = (data.request || data.response).url'), 'request.url request? response response?'],
  [hook('var r = data.request; r = r.headers; n = r.path'), 'request'],
  [hook('var r = data.request; keep.push(r)'), 'request'],
  [hook('throw data'), '*'],
  [hook('label: { keep = data; break label }'), '*'],
  [
    hook('Object.defineProperty(Object.prototype, "peek", { get: function () { keep = this } }); data.index'),
    '*',
  ],
  ['function onItemCaptured(data) { n++ } function onItemCaptured(data) { keep = data }', '*'],
  [`${hook('n++')} onItemCaptured = unknown`, '*'],
  [`${hook('n++')} jobs.schedule("x", "* * * * * *", onItemCaptured)`, '*'],
  ['if (x) { onItemCaptured = function (data) { n++ } }', '*'],
  ['var onItemCaptured = make()', '*'],
  [`${hook('test.pass(data)')}var test = { pass: function (d) { keep = d } }`, '*'],
  [hook('keep = test.pass(data)'), '*'],
  [hook('var copy = [1].map(function () { return data })'), '*'],
]

const MODERN: readonly (readonly [string, string])[] = [
  ['function onItemCaptured(data) { n = data?.request?.path }', 'request.path'],
  [`const onItemCaptured = (data) => { n = \`x\${data.stream}\` }`, 'stream'],
  ['const onItemCaptured = (data) => data', '*'],
  ['function onItemCaptured({ stream }) { n = stream }', '*'],
  ['function onItemCaptured(...all) { n = all }', '*'],
  ['function onItemCaptured(data = {}) { n = data.stream }', '*'],
  ['function onItemCaptured(data) { const { request } = data; n = request }', '*'],
  ['function onItemCaptured(data) { n = { ...data } }', '*'],
  ['function onItemCaptured(data) { count(...[data]) } function count(d) {}', '*'],
]

describe('what a hook reads', () => {
  for (const [source, expected] of [...PRECISE, ...OPAQUE])
    test(`${source} → ${expected || 'nothing'}`, () => assert.equal(read(source), expected))
  for (const [source, expected] of MODERN)
    test(`modern: ${source} → ${expected || 'nothing'}`, () => assert.equal(read(source, 'modern'), expected))
})
