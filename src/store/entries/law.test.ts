import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compileFilter } from '../../filter/index.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { goldenEntries } from '../../testing/entry-json.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { listFolder } from './files.ts'
import { EntryLog } from './log.ts'
import { Scanner, type ScanTask } from './scanner.ts'

/** What nobody would keep, and a store must not stumble over. */
const ODD = [
  '5',
  '"text"',
  'null',
  '[]',
  '[{"status":500}]',
  '{}',
  '{"request":null,"response":null}',
  '{"request":[],"response":[1,2],"protocol":null}',
  '{"request":"text","response":5,"protocol":"http","src":7,"dst":null}',
  '{"protocol":{"name":"http"},"response":{"status":-0},"elapsedTime":1e999}',
  '{"protocol":{"name":"http"},"response":{"status":"500"},"elapsedTime":-1}',
  '{"protocol":{"name":"http"},"response":{"status":500.0},"elapsedTime":0.1}',
  '{"protocol":{"name":"http"},"response":{"status":500,"status":200}}',
  '{"__proto__":{"protocol":{"name":"http"}},"response":{"__proto__":{"status":500}}}',
  '{"constructor":1,"toString":2,"hasOwnProperty":3,"protocol":{"name":"http","toJSON":1}}',
  '{"protocol":{"name":"http"},"request":{"headers":{"HOST":"a","host":"b","Host":["c","d"]},"path":""}}',
  '{"protocol":{"name":"http"},"request":{"headers":null,"cookies":5,"queryString":{"a":["1","2"],"b":""}}}',
  `{"a":${'{"a":'.repeat(30)}1${'}'.repeat(30)},"protocol":{"name":"http"}}`,
  `{"protocol":{"name":"http"},"request":{"path":"/${'x'.repeat(1000)}"},"response":{"status":500}}`,
  `{"protocol":{"name":"http"},"request":{"tags":${JSON.stringify(Array.from({ length: 100 }, (_, at) => at))}}}`,
  '{"protocol":{"name":"http"},"request":{"tags":["a","b",{"c":[-0,1e999]}],"path":"\\u0000\\ud800é😀"}}',
  '{ "protocol" : { "name" : "http" } , "request" : { "path" : "\\/api\\/\\u0061" } }',
  'no JSON at all',
  '{"cut off":',
]

const ATOMS = [
  'http',
  'dns',
  'tls',
  'redis',
  'kafka',
  'conn',
  'amqp',
  'true',
  'false',
  'response.status == 500',
  'response.status >= 500',
  'response.status != 200',
  'status_code == 500',
  'status_code < 300',
  'elapsedTime > 1000',
  'elapsed_time > 1000',
  'src.ip == "127.0.0.1"',
  'dst.name == ""',
  'dst.port == 80',
  'src.port > 1000',
  'path.startsWith("/")',
  'request.path.startsWith("/api")',
  'method == "GET"',
  'request.method == "GET"',
  'url.contains("json")',
  'request.headers["host"] == "a"',
  'request.headers["Host"].contains("a")',
  'request.headers.host',
  'response.headers["content-type"].contains("json")',
  'map_get(request.headers, "HOST", "none") != "none"',
  'map_get(request.headers, "x", "none") == "none"',
  'request.tags.exists(t, t == "a")',
  'size(request.tags) > 2',
  'request.tags.all(t, t != "b")',
  'query_string["a"] == "1"',
  'response.content.text.contains("a")',
  'response.content.text.contains("ello")',
  'request.postData.text.startsWith("<")',
  'request.path.contains("/api/a")',
  'response.headers.contains("object")',
  'request.contains("path")',
  'request.tags.contains("a")',
  'response.content.contains("text")',
  'request.path.contains("xxx")',
  'response.body.contains("x")',
  'request.queryString.a',
  'request',
  'response',
  'request == nil',
  'response != null',
  'protocol.name == "http"',
  'protocol.abbr == "HTTP"',
  'protocol',
  'error',
  'error.msg.contains("reply")',
  'error == null',
  'request..name == "a"',
  'request.*',
  'response.answers[*].name == "a"',
  'dns_questions.exists(q, q.contains("test"))',
  'size(dns_answers) > 0',
  'request.tags[0] == "a"',
  'request.questions[0].name.contains("a")',
  'redis_command == "GET"',
  'kafka_api_key_name == "Fetch"',
  'amqp_method == "basic.publish"',
  'timestamp > 0',
  'index % 2 == 0',
  'stream.endsWith("pcap")',
  'id.contains("pcap-1")',
  'has(request.path)',
  'src.namespace == ""',
  'src.pod.name == ""',
  'namespaces == []',
  'constructor',
  'toString == 2',
  'response.toString',
  'request.constructor',
  'protocol.toJSON == 1',
  'hasOwnProperty',
  'request.__proto__',
  '__proto__',
  'path.matches("^/[a-z]+$")',
  'request.path == r"^/a"',
  'request.path contains "a"',
  'response.content.text.json().ok == true',
  'a.a.a.a.a.a.a.a.a.a.a.a == 1',
  'size(string(request)) > 100',
  'request == response',
  'src == dst',
  'request_body_size > 10',
  'mysql_query.contains("select")',
  'postgresql_success',
  'ws_opcode == "text"',
  'request.size > 100',
  'request in [1, 2]',
  '"path" in request',
  '"host" in request.headers',
  'request.headers.exists(h, h == "host")',
  'conn_state == "closed"',
  'data.state == "closed"',
  'base.summary.contains("/")',
  'passed',
  'failed == false',
  'tags',
  'node_name == ""',
  'capture.backend == "pcap"',
  'protocol.ports[0] == "80"',
  '1.0 / response.status < 0',
  'tags == null',
]

describe('what a query finds', () => {
  test('is what its filter matches, with columns and without', async (t) => {
    const golden = await goldenEntries()
    const entries = [...golden, ...ODD]
    const scans = await scansOf(t, [golden, ODD])
    const parsed = entries.map(parse)
    let matching = 0
    const check = (text: string, prefer: 'kfl1' | 'kfl2') => {
      const filter = compiled(text, prefer)
      if (filter === undefined) return
      const expected = entries.filter((_, at) => {
        const entry = parsed[at]
        return entry !== undefined && safely(filter.matches, entry.value)
      })
      matching += expected.length
      for (const [name, scan] of Object.entries(scans))
        assert.deepEqual(scan(text, prefer).map(short), expected.map(short), `${name}: ${prefer} ${text}`)
    }
    for (const atom of ATOMS) for (const prefer of ['kfl1', 'kfl2'] as const) check(atom, prefer)
    const filters = fc.letrec<{ filter: string }>((tie) => ({
      filter: fc.oneof(
        { maxDepth: 3, depthSize: 'small' },
        fc.constantFrom(...ATOMS),
        fc
          .tuple(tie('filter'), fc.constantFrom('and', 'or', '&&', '||'), tie('filter'))
          .map(([a, op, b]) => `(${a} ${op} ${b})`),
        tie('filter').map((inner) => `!(${inner})`),
      ),
    })).filter
    fc.assert(fc.property(filters, fc.constantFrom('kfl1' as const, 'kfl2' as const), check), {
      numRuns: 100,
    })
    assert.ok(matching > 1000, `only ${matching} matches: the filters ask for nothing`)
  })
})

async function scansOf(t: Parameters<typeof tempFolder>[0], parts: readonly (readonly string[])[]) {
  const folder = await tempFolder(t)
  const log = new EntryLog({ folder, ttlMs: 1e9, mostBytes: 1e9 })
  // Apart: what is escaped needlessly makes a segment slow.
  for (const part of parts) {
    log.append(new Float64Array(part.length), part)
    log.finish()
  }
  while (log.seal());
  const { segments } = listFolder(folder)
  assert.ok(segments.length > 0 && segments.every(({ sealed }) => sealed !== undefined))
  const scan = (withColumns: boolean) => {
    const scanners = { kfl1: new Scanner(folder), kfl2: new Scanner(folder) }
    return (text: string, prefer: 'kfl1' | 'kfl2') =>
      segments.flatMap(({ id, sealed }) => {
        const columns = withColumns ? sealed?.file : undefined
        const task: ScanTask = {
          ...EVERYTHING,
          segment: id,
          columns,
          filter: { text, prefer, macros: {}, now: 0 },
        }
        const { entries: found, damagedColumns, scanned } = scanners[prefer].scan(task, () => false)
        assert.equal(damagedColumns, false)
        assert.equal(scanned, sealed?.rows)
        return found.map(({ json }) => json).reverse()
      })
  }
  return { columns: scan(true), lines: scan(false) }
}

const EVERYTHING = {
  before: Number.MAX_SAFE_INTEGER,
  from: undefined,
  to: undefined,
  limit: 1e9,
  mostBytes: 1e12,
  marks: [],
}

function compiled(text: string, prefer: 'kfl1' | 'kfl2') {
  try {
    return compileFilter(text, { prefer })
  } catch (error) {
    if (error instanceof Mistake) return undefined
    throw error
  }
}

const short = (json: string) => json.slice(0, 200)

function parse(json: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(json) }
  } catch {
    return undefined
  }
}

function safely(matches: (entry: unknown) => boolean, entry: unknown): boolean {
  try {
    return matches(entry)
  } catch {
    return false
  }
}
