import { join, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { type Agent, findAgentFiles, readAgents } from '../../agent/agents.ts'
import { EffectLog } from '../../agent/effect-log.ts'
import type { ConsoleLine } from '../../agent/group.ts'
import { requireLevel } from '../../agent/launch.ts'
import { takeLauncher } from '../../agent/launcher.ts'
import { isLive } from '../../capture/index.ts'
import type { Config } from '../../config/index.ts'
import { readProtos } from '../../config/protos.ts'
import { bytesOf } from '../../config/quantities.ts'
import { knownProtocols } from '../../dissectors/known.ts'
import { compileFilter } from '../../filter/index.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { NewReport, ReportFolder } from '../../store/report-folder.ts'
import type { Effect } from '../../wire/trials.ts'
import { Broker } from '../../worker/broker.ts'
import { OwnSockets } from '../../worker/own-sockets.ts'
import { Run, type RunResult } from '../../worker/run.ts'
import { runOptions } from '../../worker/run-options.ts'
import { watchAgents } from '../../worker/watch.ts'
import {
  addCaptureOptions,
  type CaptureFlags,
  nodeNameOf,
  requiredLevel,
  sourceName,
  sourceOf,
} from '../capture-flags.ts'
import { effectLine } from '../effect-line.ts'
import { onInterrupt } from '../interrupt.ts'
import { addConfigOptions, type ConfigFlags, configOf } from '../options.ts'
import { ProgressBar } from '../progress.ts'
import { openReports } from '../serve/reports.ts'
import { summaryJson, summaryText } from '../summary.ts'
import { consoleText, printableLines } from '../text.ts'
import { throwAway } from '../throw-away.ts'

interface RunFlags extends ConfigFlags, CaptureFlags {
  readonly json?: boolean
  readonly entries?: string | true
  readonly finalRun: boolean
  readonly dryRun?: boolean
  readonly metrics?: boolean
  readonly hub: 'auto' | 'always' | 'never'
  readonly watch: boolean
}

export function runCommand(): Command {
  const command = new Command('run')
    .description('Run agents on a capture file or on live traffic.')
    .argument('<agents...>', 'script files, or folders that hold them')
    .option('--json', 'print everything as JSON lines')
    .option('--entries [filter]', 'also print the entries (that match), as onItemQueried leaves them')
    .option('--dry-run', 'record what agents would send and write instead of doing it')
    .option('--metrics', 'at the end, also print what agents have exported by prometheus.*; --dry-run does')
    .option('--no-final-run', 'do not run every job once more at the end of a capture')
    .addOption(
      new Option(
        '--hub <when>',
        'whether agents also run as on the hub: auto does so for those that can tell',
      )
        .choices(['auto', 'always', 'never'])
        .default('auto'),
    )
    .option('--no-watch', 'do not reload agents when their files change (live only)')
    .action(run)
  return addConfigOptions(addCaptureOptions(command))
}

async function run(paths: string[], flags: RunFlags): Promise<void> {
  const place = flags.dryRun === true ? throwAway(configOf(flags).config) : undefined
  const config = place?.config ?? configOf(flags).config
  const source = sourceOf(flags)
  const { language } = config.scripting
  const options = { language, protocols: knownProtocols }
  const agents = readAgents(findAgentFiles(paths, language), options)
  const query = flags.entries === undefined ? null : { filter: entryFilter(flags.entries, config) }
  const protos = readProtos(config.tap.grpc.protos, process.cwd())
  const launcher = takeLauncher()
  const { best } = launcher
  requireLevel(requiredLevel(flags, config), best)
  const output = new Output(flags.json === true)
  const rehearse = place === undefined ? undefined : (effect: Effect) => output.effect(effect)
  const outbox = {
    folder: join(resolve(config.scripting.data), '..', 'outbox'),
    report: (text: string) => output.note(text),
    warn: (agent: { readonly index: number; readonly title: string }, text: string) =>
      output.line({ node: nodeNameOf(flags, config), agent, level: 'warn', text }),
  }
  const effects = new EffectLog({
    folder: join(resolve(config.scripting.data), '..', 'audit'),
    mostBytes: bytesOf(config.hub.audit.maxSize),
  })
  const broker = new Broker(config, nodeNameOf(flags, config), undefined, undefined, {
    rehearse,
    outbox,
    log: (line) => output.log(line),
    audit: place === undefined ? (record) => effects.add(record) : undefined,
    reports: { write: (report) => writeReport(report) },
  })
  // Most agents write none.
  let reports: Promise<ReportFolder> | undefined
  const writeReport = async (report: NewReport) => {
    reports ??= openReports(config, nodeNameOf(flags, config))
    const folder = await reports
    const written = await folder.write(report)
    output.note(`report ${written.name}, version ${written.version}: ${folder.pathOf(written.id)}`)
    return written
  }
  let stopWatching = () => {}
  try {
    const request = {
      source,
      agents,
      launcher,
      broker,
      nodeName: nodeNameOf(flags, config),
      finalRun: flags.finalRun,
      hub: flags.hub,
      query,
      verifyChecksums: flags.verifyChecksums === true,
      ownSockets: isLive(source) ? new OwnSockets().shared : undefined,
      protos,
    }
    const usual = runOptions(config, request)
    const runs = place === undefined ? usual : { ...usual, host: { ...usual.host, ...REHEARSED } }
    const going = new Run(runs, {
      line: (line) => output.line(line),
      entry: (json) => output.entry(json),
      progress: (bytesRead, totalBytes, packets) => {
        broker.captured({ source: sourceName(source), bytesRead, packets })
        output.progress(bytesRead, totalBytes, packets)
      },
      learned: (...name) => broker.learn(...name),
      call: (call) => broker.call(call),
      shared: (...added) => broker.share(...added),
      exported: (...told) => broker.exported(...told),
      exportsEnded: (...who) => broker.exportsEnded(...who),
    })
    if (isLive(source) && flags.watch)
      stopWatching = watchAgents(paths, agents, options, going, (text) => output.note(text))
    let interrupted = false
    onInterrupt(() => {
      interrupted = true
      going.stop()
    })
    const result = await going.run()
    output.end()
    await sendQueued(broker, outbox.folder, output)
    const exported = flags.metrics === true || flags.dryRun === true ? broker.exportedText() : ''
    if (flags.metrics === true || exported !== '') output.metrics(exported)
    const sandbox = best.because === '' ? best.level : `${best.level} (${best.because})`
    if (flags.json === true) console.log(JSON.stringify(summaryJson(result, broker.effects(), best.level)))
    else process.stdout.write(summaryText(result, broker.effects(), sandbox))
    // Whoever watches over a live run wants to know that it ended before its time; the summary says why.
    const endedByItself = result.live && !interrupted
    if (endedByItself || agents.some((agent) => runsNowhere(agent, result))) process.exitCode = 2
  } finally {
    stopWatching()
    output.end()
    await broker.close()
    await effects.close()
    place?.remove()
  }
}

/** What agents have queued goes on its way, if that is soon done. */
async function sendQueued({ queued }: Broker, folder: string, output: Output): Promise<void> {
  const { outbox } = queued ?? {}
  if (outbox === undefined || outbox.waiting === 0) return
  const interrupted = new AbortController()
  onInterrupt(() => interrupted.abort())
  const left = await outbox.drained(DRAIN_MS, IDLE_MS, interrupted.signal)
  if (left === 0) return
  const [oldest] = outbox.lanes(1)
  const why = oldest === undefined || oldest.error === '' ? '' : ` (${oldest.error})`
  output.note(
    `${left} queued calls of helpers have not arrived yet${why}: they wait in ${folder}, and the next run with this folder sends them`,
  )
}

const DRAIN_MS = 60_000
/** Nobody waits longer for somebody who does not answer. */
const IDLE_MS = 10_000

/** Actions of agents are told as the effects that they are, and effects say of which entry they are. */
const REHEARSED = { actions: 'told', traced: true } as const

/** Scripts may refuse to run on one component; none must be left. */
function runsNowhere({ index }: Agent, { agents }: RunResult): boolean {
  return agents.every(
    ({ agent, loadError, declined }) => agent.index !== index || (loadError ?? declined) !== undefined,
  )
}

/** Checked here, where there is someone to be told. */
function entryFilter(flag: string | true, { tap }: Config): string {
  if (flag === true) return ''
  try {
    return compileFilter(flag, { prefer: 'kfl1', macros: tap.customMacros }).text
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    throw new Mistake(error.code, `--entries: ${error.message}`, {
      cause: error,
      hint: `${flag}\nfor example: http and response.status >= 400`,
    })
  }
}

interface PrintedLine extends Pick<ConsoleLine, 'node' | 'level' | 'text'> {
  readonly agent: Pick<ConsoleLine['agent'], 'index' | 'title'>
}

/** Where lines go: text for people, JSON lines for programs. */
class Output {
  readonly #json: boolean
  readonly #bar = new ProgressBar(process.stderr)

  constructor(json: boolean) {
    this.#json = json
  }

  line({ node, agent, level, text }: PrintedLine): void {
    this.#bar.clear()
    if (this.#json) {
      console.log(
        JSON.stringify({ type: 'console', node, agent: agent.title, index: agent.index, level, text }),
      )
    } else if (level === 'clear') {
      if (process.stdout.isTTY) process.stdout.write('\x1b[2J\x1b[H')
    } else if (level === 'error') {
      process.stderr.write(`[${node}-${agent.index}:ERROR] ${consoleText(text)}\n`)
    } else {
      process.stdout.write(`[${node}-${agent.index}] ${consoleText(text)}\n`)
    }
  }

  entry(json: string): void {
    this.#bar.clear()
    process.stdout.write(this.#json ? `{"type":"entry","entry":${json}}\n` : `${json}\n`)
  }

  effect(effect: Effect): void {
    this.#bar.clear()
    if (this.#json) console.log(JSON.stringify({ type: 'effect', ...effect }))
    else process.stdout.write(`${effectLine(effect)}\n`)
  }

  /** What agents write by `aggregation.*`. */
  log(text: string): void {
    this.#bar.clear()
    process.stdout.write(`${this.#json ? JSON.stringify({ type: 'log', text }) : text}\n`)
  }

  metrics(text: string): void {
    if (this.#json) console.log(JSON.stringify({ type: 'metrics', text }))
    else process.stdout.write(text === '' ? '' : `${printableLines(text).trimEnd()}\n`)
  }

  note(text: string): void {
    this.#bar.clear()
    process.stderr.write(`remora: ${printableLines(text)}\n`)
  }

  progress(bytesRead: number, totalBytes: number, packets: number): void {
    if (!this.#json) this.#bar.update(bytesRead, totalBytes, packets)
  }

  end(): void {
    this.#bar.clear()
  }
}
