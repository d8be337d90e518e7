import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { readAgent } from '../agent/agents.ts'
import type { GroupOptions } from '../agent/group.ts'
import { SandboxLauncher } from '../agent/launcher.ts'
import type { CaptureOptions } from '../capture/index.ts'
import { configOf } from '../cli/options.ts'
import { knownProtocols } from '../dissectors/known.ts'
import type { Effect } from '../wire/trials.ts'
import { Broker } from '../worker/broker.ts'
import { Run, type RunObserver, type RunResult, type WorkerAddress } from '../worker/run.ts'
import { runOptions } from '../worker/run-options.ts'
import { REPOSITORY } from './remora.ts'
import { tempFolder } from './temp-folder.ts'

export interface TestRunOptions {
  readonly source: CaptureOptions
  /** Texts of the agents to begin with. */
  readonly sources: readonly string[]
  /** Settings of the sandbox, also those that `remora run` does not have. */
  readonly host?: Partial<GroupOptions['host']>
  readonly query?: GroupOptions['query']
  readonly address?: WorkerAddress
  /** Whether agents also run as on a hub; never, when absent. */
  readonly hub?: 'auto' | 'always' | 'never'
  /** What helpers answer instead, by their paths. */
  readonly answers?: Readonly<Record<string, unknown>>
  /** Takes what would leave the machine, which then stays. */
  readonly rehearse?: (effect: Effect) => void
  /** Takes what agents export by `prometheus.*`, as a whole, whenever there is more of it. */
  readonly onExported?: (text: string) => void
}

/** A run as the program makes it, and its broker. */
export async function testRun(
  t: Pick<TestContext, 'after'>,
  {
    source,
    sources,
    host = {},
    query = null,
    address,
    hub = 'never',
    answers = {},
    rehearse,
    onExported,
  }: TestRunOptions,
  observer: Partial<RunObserver>,
): Promise<Run> {
  const folder = await tempFolder(t)
  const { config } = configOf({ set: [`scripting.data=${folder}/data`] })
  const broker = new Broker(config, 'n', undefined, undefined, { rehearse })
  t.after(() => broker.close())
  const agents = sources.map((text, index) => {
    const path = join(folder, `${index}.js`)
    writeFileSync(path, text)
    return readAgent(path, index, { language: 'es5', protocols: knownProtocols })
  })
  const options = runOptions(config, {
    source,
    agents,
    launcher: new SandboxLauncher(),
    broker,
    nodeName: 'n',
    finalRun: true,
    hub,
    query,
    verifyChecksums: false,
    keepPackets: true,
    ...(address === undefined ? {} : { address }),
  })
  const usual: RunObserver = {
    line() {},
    entry() {},
    progress() {},
    learned: (...name) => broker.learn(...name),
    call: async (call) => answers[call.path] ?? (await broker.call(call)),
    shared: (...added) => broker.share(...added),
    exported: (...told) => {
      broker.exported(...told)
      onExported?.(broker.exportedText())
    },
  }
  return new Run({ ...options, host: { ...options.host, ...host } }, { ...usual, ...observer })
}

/** Runs agents on the sample capture. */
export async function runOnSample(
  t: TestContext,
  sources: readonly string[],
  options: Omit<TestRunOptions, 'source' | 'sources'>,
  observer: Partial<RunObserver>,
): Promise<RunResult> {
  const source = { path: join(REPOSITORY, 'samples/sample.pcap') }
  return await (await testRun(t, { ...options, source, sources }, observer)).run()
}
