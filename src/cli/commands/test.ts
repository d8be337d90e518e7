import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { Command } from 'commander'
import { readScript } from '../../agent/agents.ts'
import { requireLevel } from '../../agent/launch.ts'
import { SandboxLauncher } from '../../agent/launcher.ts'
import type { Config } from '../../config/index.ts'
import { readProtos } from '../../config/protos.ts'
import { differences, expectationOf, fixtureText } from '../../wire/fixtures.ts'
import {
  type Expectation,
  type Fixture,
  type TrialOrder,
  type TrialOutcome,
  trialOrder,
} from '../../wire/trials.ts'
import { runTrial } from '../../worker/trial/trial.ts'
import { findFixtures, readFixture } from '../fixture-file.ts'
import { addConfigOptions, type ConfigFlags, configOf } from '../options.ts'
import { consoleText, printable } from '../text.ts'

interface TestFlags extends ConfigFlags {
  readonly agent?: string
  readonly update?: boolean
  readonly json?: boolean
}

export function testCommand(): Command {
  const command = new Command('test')
    .description('Run test fixtures of agents, and compare what comes of them.')
    .argument(
      '[fixtures...]',
      'fixtures, or folders with *.test.json below them; the present folder by default',
    )
    .option('--agent <file>', 'run the code of this file instead of the one in the fixtures')
    .option('--update', 'write what came into the fixtures, as what is expected from now on')
    .option('--json', 'print everything as JSON lines')
    .action(test)
  return addConfigOptions(command)
}

async function test(paths: string[], flags: TestFlags): Promise<void> {
  const { config } = configOf(flags)
  const files = findFixtures(paths.length === 0 ? ['.'] : paths)
  // All are read before any is run: a bad one is a mistake, and no failure.
  const fixtures = files.map((path) => ({ path, fixture: readFixture(path) }))
  const code = flags.agent === undefined ? undefined : readScript(flags.agent)
  let failed = 0
  for (const { path, fixture } of fixtures) {
    const tested = code === undefined ? fixture : { ...fixture, code }
    const outcome = await outcomeOf(tested, config)
    const came = expectationOf(outcome)
    const found = problemsIn(outcome) ?? differences(fixture.expected, came)
    const isUpdated = flags.update === true && found.length > 0 && outcome.ended === 'complete'
    if (isUpdated) update(path, tested, came)
    else if (found.length > 0) failed++
    const status = isUpdated ? 'updated' : found.length > 0 ? 'failed' : 'passed'
    report({ path, title: fixture.title, status, differences: found }, flags.json === true)
  }
  const summary = { fixtures: files.length, passed: files.length - failed, failed }
  if (flags.json === true) console.log(JSON.stringify({ type: 'summary', ...summary }))
  else console.log(`\n${summary.passed} passed, ${failed} failed`)
  process.exitCode = failed > 0 ? 1 : 0
}

/** In the sandbox, like a trial. */
async function outcomeOf(
  { code, title, language, env, input, pods }: Fixture,
  config: Config,
): Promise<TrialOutcome> {
  const folder = mkdtempSync(join(tmpdir(), 'remora-test-'))
  const path = join(folder, 'input')
  try {
    writeFileSync(
      path,
      input.kind === 'capture' ? Buffer.from(input.base64, 'base64') : linesOf(input.entries),
    )
    const order: TrialOrder = {
      ...{ code, title, language, env: trialOrder.shape.env.parse(env) },
      input: { kind: input.kind, path, description: title },
      pods,
    }
    const launcher = new SandboxLauncher()
    const { sandbox } = config.scripting
    requireLevel(sandbox === 'auto' ? 'permission' : sandbox, launcher.best)
    return await runTrial(order, {
      config,
      launcher,
      protos: readProtos(config.tap.grpc.protos, process.cwd()),
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function linesOf(entries: readonly unknown[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
}

/** A run that did not come to its end is none to compare. */
function problemsIn({ ended }: TrialOutcome): string[] | undefined {
  return ended === 'complete' ? undefined : [`it did not come to its end: ${ended} ran out`]
}

function update(path: string, fixture: Fixture, expected: Expectation): void {
  writeFileSync(path, fixtureText({ ...fixture, expected }))
}

interface Tested {
  readonly path: string
  readonly title: string
  readonly status: 'passed' | 'failed' | 'updated'
  readonly differences: readonly string[]
}

function report(tested: Tested, asJson: boolean): void {
  if (asJson) {
    console.log(JSON.stringify({ type: 'test', ...tested }))
    return
  }
  const { path, title, status, differences: found } = tested
  const colour = status === 'failed' ? 'red' : status === 'updated' ? 'yellow' : 'green'
  console.log(`${styleText(colour, status)}  ${printable(path)}  ${styleText('dim', printable(title))}`)
  for (const line of found) console.log(`    ${coloured(consoleText(line).replaceAll('\n', '\n      '))}`)
}

function coloured(line: string): string {
  if (line.startsWith('- ')) return styleText('red', line)
  return line.startsWith('+ ') ? styleText('green', line) : line
}
