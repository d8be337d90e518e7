import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pcapWriter } from '../src/capture/pcap-writer.ts'
import { REPOSITORY, remora, withFiles } from '../src/testing/remora.ts'
import { tempFolder } from '../src/testing/temp-folder.ts'

const BEANSTALK = readFileSync(join(REPOSITORY, 'examples/beanstalk.js'), 'utf8')
const SAMPLE = join(REPOSITORY, 'samples/beanstalk.pcap')
const OTHER_SAMPLE = join(REPOSITORY, 'samples/sample.pcap')

/** Another agent, which knows nothing of beanstalk but gets what is read of it. */
const WITNESS = `// Witness
function onItemCaptured(data) {
  if (data.protocol.layer4 !== "tcp" || data.protocol.name === "tcp") return;
  var reply = data.response;
  console.log(data.protocol.name, data.base.method, data.base.summary, data.base.status, reply && reply.reply, data.error && data.error.msg);
}
`

interface Summary {
  readonly entries: Readonly<Record<string, number>>
  readonly restarts: number
  readonly agents: readonly { title: string; state: string; reason: string; errors: number; calls: number }[]
  readonly ledger: {
    readonly discrepancies: readonly string[]
    readonly relayed: { bytes: number; dissected: number; skipped: Record<string, number> }
  }
}

/** Runs these scripts, in the order of their names. */
async function run(
  scripts: Readonly<Record<string, string>>,
  capture = SAMPLE,
  more: readonly string[] = [],
) {
  return withFiles(scripts, async (cwd) => {
    const { code, stdout, stderr } = await remora(
      ['run', cwd, '--pcap', capture, '--json', '--node-name', 'n', ...more],
      { cwd },
    )
    const lines = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const texts = (title: string) =>
      lines
        .filter(({ type, agent, level }) => type === 'console' && level !== 'info' && agent === title)
        .map(({ text }) => String(text).trimEnd())
    return { code, stderr, lines, texts, summary: lines.at(-1) as unknown as Summary }
  })
}

/** What the witness saw of the sample. */
const SEEN = [
  'beanstalk use mails 0 USING null',
  'beanstalk put mails 0 INSERTED null',
  'beanstalk put mails 0 INSERTED null',
  'beanstalk put mails 0 INSERTED null',
  'beanstalk put mails 0 INSERTED null',
  'beanstalk put mails 0 INSERTED null',
  'beanstalk stats-tube mails 0 OK null',
  'beanstalk watch mails 0 WATCHING null',
  'beanstalk reserve  0 RESERVED null',
  'beanstalk delete 1 0 DELETED null',
  'beanstalk delete 999 1 NOT_FOUND null',
  // The command before it was none that the protocol has.
  'beanstalk   1 UNKNOWN_COMMAND reply without a request',
  'beanstalk reserve-with-timeout 0 0 RESERVED null',
  'beanstalk put default 1 JOB_TOO_BIG null',
  'beanstalk list-tubes  0 OK null',
  'beanstalk quit  0 null null',
  'beanstalk quit  0 null null',
]

describe('an agent with a dissector', () => {
  test('makes entries of its protocol that it and every other agent get', async () => {
    const { summary, texts, stderr } = await run({ 'a.js': WITNESS, 'b.js': BEANSTALK })
    assert.deepEqual(summary.entries, { BEANSTALK: 17, TCP: 2, 'TCP FLOW': 2 }, stderr)
    assert.deepEqual(summary.ledger.discrepancies, [])
    assert.deepEqual(summary.ledger.relayed, {
      bytes: 2731,
      dissected: 2721,
      skipped: { invalid: 10 },
      invalid: { 'beanstalk: not of this protocol': 1 },
    })
    assert.deepEqual(texts('Witness').sort(), [...SEEN].sort())
    const report = texts('Beanstalk: a protocol that Remora does not know, read by an agent')
    assert.match(
      report.join('\n'),
      /tube mails: 5 jobs, 0 refused, \d+ µs each\n.*tube default: 1 jobs, 1 refused/,
    )
  })

  test('without ports is shown what nobody recognises', async () => {
    const anywhere = BEANSTALK.replace('  ports: [11300],\n', '')
    const { summary, texts } = await run({ 'a.js': WITNESS, 'b.js': anywhere })
    assert.deepEqual(summary.entries, { BEANSTALK: 17, TCP: 2, 'TCP FLOW': 2 })
    assert.deepEqual(texts('Witness').sort(), [...SEEN].sort())
    assert.deepEqual(summary.ledger.discrepancies, [])
  })

  test('has its entries counted, whatever it calls them', async () => {
    const { summary } = await run({
      'b.js': BEANSTALK.replace("name: 'beanstalk',", "name: 'beanstalk', abbr: 'constructor',"),
    })
    assert.deepEqual(summary.entries, { constructor: 17, TCP: 2, 'TCP FLOW': 2 })
  })

  test('takes nothing away from the protocols that are known, nor from the order of events', async () => {
    const told = `function onItemCaptured(data) { console.log(data.id, data.protocol.abbr, data.base.summary) }`
    const anywhere = BEANSTALK.replace('  ports: [11300],\n', '')
    const [alone, beside] = await Promise.all([
      run({ 'a.js': `// Told\n${told}` }, OTHER_SAMPLE),
      run({ 'a.js': `// Told\n${told}`, 'b.js': anywhere }, OTHER_SAMPLE),
    ])
    assert.ok(alone.texts('Told').length > 100)
    assert.deepEqual(beside.texts('Told'), alone.texts('Told'))
    assert.deepEqual(beside.summary.entries, alone.summary.entries)
  })

  test('has its entries found by filters', async () => {
    const { lines } = await run({ 'b.js': BEANSTALK }, SAMPLE, [
      '--entries',
      'protocol.name == "beanstalk" and request.command == "delete"',
    ])
    const entries = lines.filter(({ type }) => type === 'entry') as {
      entry?: { base: { summary: string } }
    }[]
    assert.equal(entries.length, 2, JSON.stringify(lines[0]))
  })

  test('gives filters its name for a word', async () => {
    const found = async (filter: string) => {
      const { lines } = await run({ 'b.js': BEANSTALK }, SAMPLE, ['--entries', filter])
      return lines.filter(({ type }) => type === 'entry').length
    }
    assert.deepEqual(
      await Promise.all(['beanstalk', '!beanstalk', 'http or beanstalk'].map(found)),
      [17, 4, 17],
    )
  })

  test('that is wrong is told what is wrong, and where', async () => {
    const wrong = `// Wrong\n\ndissector({ name: 'Bean Stalk', probe: function () {}, parse: function () {} })`
    const { code, texts } = await run({ 'a.js': wrong, 'b.js': WITNESS })
    assert.equal(code, 2)
    assert.match(
      texts('Wrong').join('\n'),
      /dissector: name must be a word of small letters.*"Bean Stalk" \(a\.js:3:1\)/,
    )
  })

  test('as the documentation has it works on traffic that it does not fit', async () => {
    const page = readFileSync(join(REPOSITORY, 'docs/own-protocols.md'), 'utf8')
    const [example = ''] = /(?:^ {4}.*\n|^\n)+/m.exec(page.slice(page.indexOf('    dissector({'))) ?? []
    const script = example.replaceAll(/^ {4}/gm, '').replace('7777', '11300')
    const { summary, texts } = await run({ 'lines.js': script })
    assert.match(texts('lines').join('\n'), /^null -> /)
    assert.equal(summary.agents[0]?.errors, 0)
  })

  test('is told when its probe answers neither yes nor no', async () => {
    const wrong = `// Wrong\ndissector({ name: 'wrong', probe: function (b) { return b.latin1().match(/put/) }, parse: function () {} })`
    const { texts } = await run({ 'a.js': wrong })
    assert.match(
      texts('Wrong').join('\n'),
      /dissector wrong: probe: it must return true, false or nothing, and returned \["put"\]/,
    )
  })

  test('is told who else has its name, or its port', async () => {
    const define = (settings: string) =>
      `dissector({ ${settings}, probe: function () { return false }, parse: function () {} })`
    const { lines } = await run({
      'a.js': `// A\n${define("name: 'one', ports: [7000, 7001]")}`,
      'b.js': `// B\n${define("name: 'two', ports: [7001]")}`,
      'c.js': `// C\n${define("name: 'one', transport: 'udp', ports: [7001]")}`,
    })
    assert.deepEqual(
      lines.filter(({ level }) => level === 'warn').map(({ text }) => text),
      [
        'dissector two: tcp port 7001 is also that of one in "A", which is asked before it',
        'dissector one: its name is also that of one in "A", which is asked before it',
      ],
    )
  })

  test('fails in a row only when nothing works in between', async () => {
    const shaky = `// Shaky
var n = 0
dissector({
  name: 'shaky', transport: 'udp', ports: [53],
  probe: function () { if (++n % 2 === 0) throw new Error('odd'); return n === 1 },
  parse: function (b) { return { length: b.length, message: {} } }
})`
    const { summary } = await run({ 'a.js': shaky }, OTHER_SAMPLE)
    assert.ok((summary.agents[0]?.errors ?? 0) > 100)
    assert.equal(summary.agents[0]?.state, 'ok')
  })

  test('cannot define one while the traffic runs', async () => {
    const late = `// Late\nfunction onItemCaptured() { dissector({ name: 'a', probe: function () {}, parse: function () {} }) }`
    const { texts } = await run({ 'a.js': late }, OTHER_SAMPLE)
    assert.match(texts('Late').join('\n'), /dissector\(…\) belongs to the top level of a script/)
  })
})

/** Asked before the others, on the same connections. */
const HOSTILE: Readonly<Record<string, readonly [functions: string, reason: RegExp]>> = {
  'loops in parse': ['probe: yes, parse: function () { for (;;); }', /CPU time/],
  'loops in probe': ['probe: function () { for (;;); }, parse: yes', /CPU time/],
  'grows without end': [
    'probe: yes, parse: function (b) { var s = "x"; for (;;) { s += s; s.charCodeAt(1) } }',
    /memory|CPU time|RangeError/,
  ],
}
const ANSWERS_NONSENSE =
  'probe: yes, parse: function () { return { length: { toJSON: function () { throw 1 } } } }'

describe('a hostile dissector', () => {
  for (const [name, [functions, reason]] of Object.entries(HOSTILE))
    test(`that ${name} is stopped, and the others do not notice`, async () => {
      const hostile = `// Hostile\nfunction yes() { return true }\ndissector({ name: 'hostile', ports: [11300], ${functions} })`
      const { summary, texts } = await run({
        'a.js': hostile,
        'b.js': WITNESS,
        'c.js': BEANSTALK,
      })
      const [stopped, ...others] = summary.agents
      assert.equal(stopped?.state, 'stopped')
      assert.match(stopped?.reason ?? '', reason)
      assert.deepEqual(
        others.map(({ state, errors }) => [state, errors]),
        [
          ['ok', 0],
          ['ok', 0],
        ],
      )
      assert.deepEqual(summary.ledger.discrepancies, [])
      assert.deepEqual(
        texts('Witness')
          .filter((text) => text.startsWith('beanstalk'))
          .sort(),
        [...SEEN].sort(),
      )
    })

  test('that makes a flood of a byte is stopped, whatever it has claimed', async () => {
    const flood = 'parse: function () { return { length: 1, message: { m: new Array(1e5).join("x") } } }'
    const hostile = `// Hostile\nfunction yes() { return true }\ndissector({ name: 'hostile', ports: [11300], probe: yes, ${flood} })`
    const { summary } = await run({ 'a.js': hostile, 'b.js': WITNESS })
    assert.match(summary.agents[0]?.reason ?? '', /makes far more of the traffic than there is/)
    assert.equal(summary.agents[1]?.state, 'ok')
    assert.deepEqual(summary.ledger.discrepancies, [])
  })

  test('that floods the console is stopped, however little each of its calls prints', async () => {
    const flood =
      'parse: function () { for (var i = 0; i < 15; i++) console.log(line); return { length: 1 } }'
    const hostile = `// Hostile\nvar line = new Array(65000).join("z")\nfunction yes() { return true }\ndissector({ name: 'hostile', ports: [11300], probe: yes, ${flood} })`
    const { summary, texts } = await run({ 'a.js': hostile, 'b.js': WITNESS })
    assert.match(summary.agents[0]?.reason ?? '', /flooded the console/)
    assert.ok(texts('Hostile').join('').length < 17 << 20)
    assert.equal(summary.agents[1]?.state, 'ok')
  })

  for (const [name, message, told] of [
    ['too deep', '(function () { var o = []; for (var i = 0; i < 9000; i++) o = [o]; return o })()', /deep/],
    ['too long', '(function () { var o = []; o[299999] = 0; return o })()', /1500027 characters of JSON/],
  ] as const)
    test(`that answers with a message that is ${name} is told so, and the others do not notice`, async () => {
      const parse = `parse: function () { return { length: 1, message: { m: ${message} } } }`
      const hostile = `// Hostile\nfunction yes() { return true }\ndissector({ name: 'hostile', ports: [11300], probe: yes, ${parse} })`
      const { summary, texts } = await run({ 'a.js': hostile, 'b.js': WITNESS })
      assert.match(texts('Hostile').join('\n'), told)
      assert.deepEqual(
        summary.agents.map(({ state }) => state),
        ['ok', 'ok'],
      )
      assert.equal(summary.restarts, 0)
      assert.deepEqual(summary.entries, { TCP: 2, 'TCP FLOW': 2 })
      assert.deepEqual(summary.ledger.discrepancies, [])
    })

  test('that is stopped gives its ports back to the protocols that are known', async (t) => {
    const capture = join(await tempFolder(t), 'http.pcap')
    writeFileSync(capture, httpConnections(4000))
    const hostile = `// Hostile\ndissector({ name: 'hostile', ports: [80], probe: function () { for (;;); }, parse: function () {} })`
    const { summary } = await run({ 'a.js': hostile, 'b.js': WITNESS }, capture)
    assert.match(summary.agents[0]?.reason ?? '', /CPU time/)
    // It had the connections that the capture thread had read by then.
    assert.ok((summary.entries.HTTP ?? 0) > 1000, JSON.stringify(summary.entries))
    assert.deepEqual(summary.ledger.discrepancies, [])
  })

  test('that answers nonsense is told so, and its connections are passed over', async () => {
    const hostile = `// Hostile\nfunction yes() { return true }\ndissector({ name: 'hostile', ports: [11300], ${ANSWERS_NONSENSE} })`
    const { summary, texts } = await run({ 'a.js': hostile })
    assert.equal(summary.agents[0]?.state, 'ok')
    assert.ok((summary.agents[0]?.errors ?? 0) > 0)
    assert.match(texts('Hostile').join('\n'), /dissector hostile: parse/)
    assert.deepEqual(summary.ledger.discrepancies, [])
    assert.deepEqual(summary.entries, { TCP: 2, 'TCP FLOW': 2 })
  })
})

/** A capture of so many connections, one after another, on each of which something is asked and answered. */
function httpConnections(connections: number): Buffer {
  const said = [
    [0, SYN, ''],
    [1, SYN | ACK, ''],
    [0, ACK, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    [1, ACK, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    [0, ACK | FIN, ''],
    [1, ACK | FIN, ''],
  ] as const
  const writer = pcapWriter(RAW_IP)
  const parts = [writer.head()]
  for (let at = 0; at < connections; at++) {
    const ports = [10_000 + at, 80]
    const next = [1000, 5000]
    for (const [from, flags, text] of said) {
      const to = from === 0 ? 1 : 0
      const header = Buffer.alloc(40)
      header.writeUInt32BE(0x4500_0000 + 40 + text.length)
      header.writeUInt32BE(0x4006_0000, 8)
      header.writeUInt32BE(0xc000_0201 + from, 12)
      header.writeUInt32BE(0xc000_0201 + to, 16)
      header.writeUInt16BE(ports[from] as number, 20)
      header.writeUInt16BE(ports[to] as number, 22)
      header.writeUInt32BE(next[from] as number, 24)
      header.writeUInt32BE(next[to] as number, 28)
      header.writeUInt16BE(0x5000 | flags, 32)
      const bytes = Buffer.concat([header, Buffer.from(text)])
      parts.push(writer.record({ bytes, seconds: at, nanos: 0, length: bytes.length, interfaceId: 0 }))
      next[from] = (next[from] as number) + Math.max(text.length, flags & (SYN | FIN) ? 1 : 0)
    }
  }
  return Buffer.concat(parts)
}

const FIN = 1
const SYN = 2
const ACK = 16
const RAW_IP = 101
