import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { readAgent } from '../agent/agents.ts'
import type { GroupOptions } from '../agent/group.ts'
import { SandboxLauncher } from '../agent/launcher.ts'
import { configOf } from '../cli/options.ts'
import { knownProtocols } from '../dissectors/known.ts'
import { Broker } from '../worker/broker.ts'
import { Run, type RunObserver, type RunResult } from '../worker/run.ts'
import { runOptions } from '../worker/run-options.ts'
import { REPOSITORY } from './remora.ts'
import { tempFolder } from './temp-folder.ts'

export interface SampleOptions {
  /** Settings of the sandbox, also those that `remora run` does not have. */
  readonly host?: Partial<GroupOptions['host']>
  readonly query?: GroupOptions['query']
}

/** Runs agents on the sample capture. */
export async function runOnSample(
  t: TestContext,
  sources: readonly string[],
  { host = {}, query = null }: SampleOptions,
  observer: Partial<RunObserver>,
): Promise<RunResult> {
  const folder = await tempFolder(t)
  const { config } = configOf({ set: [`scripting.data=${folder}/data`] })
  const broker = new Broker(config, 'n')
  t.after(() => broker.close())
  const agents = sources.map((source, index) => {
    const path = join(folder, `${index}.js`)
    writeFileSync(path, source)
    return readAgent(path, index, { language: 'es5', protocols: knownProtocols })
  })
  const options = runOptions(config, {
    source: { path: join(REPOSITORY, 'samples/sample.pcap') },
    agents,
    launcher: new SandboxLauncher(),
    broker,
    nodeName: 'n',
    finalRun: true,
    hub: 'never',
    query,
    verifyChecksums: false,
  })
  const silent = { line() {}, entry() {}, progress() {}, learned() {}, call: () => Promise.resolve() }
  return await new Run({ ...options, host: { ...options.host, ...host } }, { ...silent, ...observer }).run()
}
