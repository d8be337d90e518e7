import { type Command, Option } from 'commander'
import type { HubClient } from '../client/hub-client.ts'
import {
  CONSOLE_LEVELS,
  type ConsoleFilter,
  type ConsoleLevel,
  type ConsoleLine,
  printLine,
} from '../wire/console.ts'
import { findAgent } from './agent-names.ts'
import type { HubFlags } from './hub-options.ts'
import { untilInterrupt } from './interrupt.ts'
import { connectionNotes, note, printJson, printLineTo } from './print.ts'
import { consoleText, momentOf, printable, wholeNumber } from './text.ts'

export interface ConsoleFlags extends HubFlags {
  readonly agent?: string
  readonly node?: string
  readonly level?: ConsoleLevel
  readonly text?: string
  readonly since?: string
  readonly last?: string
  readonly follow: boolean
  readonly json?: boolean
}

/** But for `--agent`. */
export function addConsoleOptions(command: Command): Command {
  return command
    .option('--node <name>', 'lines of this node only; hub for the hub')
    .addOption(
      new Option('--level <level>', 'lines of this level only').choices(
        CONSOLE_LEVELS.filter((each) => each !== 'clear'),
      ),
    )
    .option('--text <text>', 'lines with this text, in capitals or not')
    .option('--since <time>', 'lines since then: 10m (ten minutes ago), or a time as in RFC 3339')
    .option('--last <n>', 'so many lines that are kept, at most (100, or all since a time)')
    .option('--follow', 'go on with the lines that come, until Ctrl-C', true)
    .option('--no-follow', 'end after the lines that are kept')
    .option('--json', 'print JSON lines, all to standard output')
}

/** Lines that are kept, and then those that come: errors to standard error, all others to standard output. */
export async function showConsole(hub: HubClient, flags: ConsoleFlags): Promise<void> {
  const filter = await filterOf(hub, flags)
  if (!flags.follow) {
    for (const line of await hub.console(filter)) await showLine(line, flags)
    return
  }
  for await (const line of hub.followConsole(filter, connectionNotes, untilInterrupt()))
    await showLine(line, flags)
}

async function filterOf(hub: HubClient, flags: ConsoleFlags): Promise<ConsoleFilter> {
  const { agent, node, level, text, since, last } = flags
  const from = since === undefined ? undefined : momentOf(since, '--since', Date.now())
  const most = last === undefined ? undefined : wholeNumber(last, '--last')
  return {
    ...(agent === undefined ? {} : { agent: findAgent(await hub.agents(), agent).id }),
    ...(node === undefined ? {} : { node }),
    ...(level === undefined ? {} : { level }),
    ...(text === undefined ? {} : { text }),
    ...(from === undefined ? {} : { since: from }),
    ...(from === undefined || most !== undefined ? { last: most ?? USUAL_LINES } : {}),
  }
}

/** Where a line goes is for its level to say, whatever its text is. */
export async function showLine(
  line: ConsoleLine,
  { json, agent }: Pick<ConsoleFlags, 'json' | 'agent'>,
): Promise<void> {
  if (json === true) await printJson(jsonOf(line))
  else if (line.level === 'clear') clear(line, agent !== undefined)
  else if (line.level === 'error') await printLineTo(process.stderr, inRed(lineText(line)))
  else await printLineTo(process.stdout, lineText(line))
}

/** `[node-index] text`, for a terminal. */
export function lineText(line: ConsoleLine): string {
  return consoleText(printLine({ ...line, node: printable(line.node) }))
}

function jsonOf({ id, at, node, agent, title, index, level, text }: ConsoleLine) {
  return { type: 'console', node, agent: title, index, level, text, at, id, agentId: agent }
}

/** Takes away only what is all of this agent; a file keeps what it has. */
function clear({ index, title }: ConsoleLine, isAlone: boolean): void {
  if (!process.stdout.isTTY) return
  if (isAlone) process.stdout.write('\x1b[2J\x1b[H')
  else note(`agent ${index} "${title}" has cleared its console`)
}

function inRed(text: string): string {
  const { NO_COLOR = '', TERM } = process.env
  return process.stderr.isTTY && NO_COLOR === '' && TERM !== 'dumb' ? `\x1b[31m${text}\x1b[39m` : text
}

const USUAL_LINES = 100
