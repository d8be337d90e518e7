import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { remora, withFiles } from '../../testing/remora.ts'

const FINE = '// Fine\nfunction onItemCaptured(data) { console.log(data.request.path) }'

describe('remora check', () => {
  test('has nothing to say of agents that are fine', async () => {
    const { code, stdout, stderr } = await check({ 'a.js': FINE, 'b.js': '// Other\n', 'old.js-old': 'let' })
    assert.deepEqual([code, stdout, stderr], [0, '2 agents checked, no problems\n', ''])
  })

  test('names every problem of every file, and goes on after a syntax error', async () => {
    const { code, stdout, stderr } = await check({
      'a.js': '// Fine\nlet b = 2',
      'b.js': FINE.replace('onItemCaptured', 'onItemCapture').replace('console.log', 'console.lgo'),
      'c.js': '// C\nconsole.log(SLACK)',
    })
    assert.equal(code, 2)
    assert.equal(stdout, '3 agents checked: 3 errors, 2 warnings\n')
    assert.equal(
      stderr,
      `agents/a.js:2:5: error: Unexpected token (syntax)
  2 | let b = 2
    |     ^
  This is valid in newer JavaScript: allow it with scripting.language: modern (--set scripting.language=modern).
agents/b.js:2:10: error: there is no hook onItemCapture; did you mean onItemCaptured? (unknown-hook)
agents/b.js:2:32: error: there is no helper console.lgo; did you mean console.log? (unknown-helper)
agents/b.js:1:1: warning: agents/a.js has the same title, "Fine" (same-title)
agents/c.js:2:13: warning: SLACK is not declared (undeclared)
`,
    )
  })

  test('has only warnings: exit code 0', async () => {
    const { code, stdout } = await check({ 'a.js': '// A\nconsole.log(SLACK)' })
    assert.deepEqual([code, stdout], [0, '1 agent checked: 1 warning\n'])
  })

  test('prints JSON lines for programs', async () => {
    const { code, stdout } = await check({ 'a.js': 'var a = ;' }, '--json')
    assert.equal(code, 2)
    const { hint, ...problem } = JSON.parse(stdout) as Record<string, unknown>
    assert.deepEqual(problem, {
      file: 'agents/a.js',
      line: 1,
      column: 9,
      severity: 'error',
      rule: 'syntax',
      message: 'Unexpected token',
    })
    assert.match(String(hint), /var a = ;/)
  })

  test('checks newer JavaScript and types where they are allowed', async () => {
    const files = {
      'a.ts': 'const a: number = 1\nconsole.log(a)',
      'b.js': '// B\nlet c = `x`\nconsole.log(c)',
    }
    const { code, stdout } = await check(files, '--set', 'scripting.language=modern')
    assert.deepEqual([code, stdout], [0, '2 agents checked, no problems\n'])
  })

  test('goes on after what is no script, and takes a file that is named twice for one', async () => {
    const files = { 'a.js': 'var a = "\0"', 'b.js': FINE, 'c.js/inside.txt': '' }
    const { code, stdout, stderr } = await check(files, './agents/b.js', '/dev/zero')
    assert.equal(code, 2)
    assert.match(stderr, /^agents\/a\.js:1:1: error: .* is not a script.*\(unreadable\)\n {2}.*--pcap/)
    assert.match(stderr, /^\/dev\/zero:1:1: error: \/dev\/zero is not a file/m)
    assert.equal(stdout, '3 agents checked: 2 errors\n')
  })

  test('says so when there is nothing to check', async () => {
    const { code, stderr } = await check({ 'a.ts': '' })
    assert.equal(code, 2)
    assert.match(stderr, /no agents in agents[\s\S]*\.ts with scripting\.language: modern/)
    const nested = await check({ 'alerts/a.js': FINE, 'reports/b.js': FINE, 'other/c.txt': '' })
    assert.match(nested.stderr, /there are agents in agents\/alerts, agents\/reports: name those/)
  })
})

/** Runs it on a folder `agents` with these files. */
function check(files: Readonly<Record<string, string>>, ...flags: string[]) {
  const inside = Object.entries(files).map(([name, text]) => [`agents/${name}`, text])
  return withFiles(Object.fromEntries(inside), (cwd) => remora(['check', 'agents', ...flags], { cwd }))
}
