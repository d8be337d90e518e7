import { createInterface } from 'node:readline/promises'
import { Command } from 'commander'
import type { HubClient } from '../../client/hub-client.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { pause } from '../../waiting/pause.ts'
import type { AgentView } from '../../wire/views.ts'
import { findAgent } from '../agent-names.ts'
import { agentPage, agentReasons, agentsTable, historyTable } from '../agent-table.ts'
import { addConsoleOptions, type ConsoleFlags, showConsole } from '../console-output.ts'
import { addHubOptions, type HubFlags, withHub } from '../hub-options.ts'
import { untilInterrupt } from '../interrupt.ts'
import { note, print, printJson } from '../print.ts'
import { consoleText, printable, wholeNumber } from '../text.ts'

interface ListFlags extends HubFlags {
  readonly json?: boolean
  readonly watch?: boolean
  readonly nodes?: boolean
}

export function agentsCommand(): Command {
  const agents = new Command('agents').description('See and change the agents of a running Remora.')
  for (const make of [list, show, activate, deactivate, remove, rollback, history, logs])
    agents.addCommand(addHubOptions(make()), { isDefault: make === list })
  return agents
}

function list(): Command {
  return new Command('list')
    .description('All agents: where they run, and what they cost.')
    .option('--nodes', 'a line for each node')
    .option('--watch', 'show it again every two seconds, until Ctrl-C')
    .option('--json', 'print a line of JSON for each agent')
    .action((flags: ListFlags) => withHub(flags, (hub) => listAgents(hub, flags)))
}

async function listAgents(hub: HubClient, flags: ListFlags): Promise<void> {
  if (flags.watch !== true) return printAgents(await hub.agents(), flags)
  const signal = untilInterrupt()
  let agents = await hub.agents()
  while (!signal.aborted) {
    if (process.stdout.isTTY && flags.json !== true) process.stdout.write('\x1b[H\x1b[J')
    await printAgents(agents, flags)
    await pause(WATCH_MS, signal)
    agents = (await hub.agents().catch(unreachable)) ?? agents
  }
}

/** It may come back. */
function unreachable(error: unknown): undefined {
  if (!(error instanceof Mistake) || error.code !== 'E_HUB_UNREACHABLE') throw error
  note(error.message)
}

async function printAgents(agents: readonly AgentView[], { json, nodes }: ListFlags): Promise<void> {
  if (json === true) {
    for (const { code: _, ...agent } of agents) await printJson({ type: 'agent', ...agent })
    return
  }
  print(agentsTable(agents, nodes === true))
  const reasons = agentReasons(agents)
  if (reasons.length > 0) print(`\n${reasons.join('\n')}`)
}

function show(): Command {
  return new Command('show')
    .description('All that there is to say of an agent.')
    .argument('<agent>', NAME)
    .option('--code', 'print its code, and nothing else')
    .option('--json', 'print it as JSON, with its code')
    .action((name: string, flags: HubFlags & { code?: boolean; json?: boolean }) =>
      withHub(flags, async (hub) => {
        const agent = findAgent(await hub.agents(), name)
        if (flags.json === true) await printJson({ type: 'agent', ...agent })
        else if (flags.code === true) printCode(agent.code)
        else print(agentPage(agent))
      }),
    )
}

function activate(): Command {
  return switched('activate', 'Switch agents on.', true)
}

function deactivate(): Command {
  return switched('deactivate', 'Switch agents off; they stay stored.', false)
}

function switched(name: string, description: string, active: boolean): Command {
  return new Command(name)
    .description(description)
    .argument('<agents...>', NAMES)
    .action((names: string[], flags: HubFlags) =>
      withHub(flags, (hub) =>
        each(hub, names, async ({ id, index, title }) => {
          await hub.updateAgent(id, { active })
          print(`${name}d ${index} "${printable(title)}"`)
        }),
      ),
    )
}

function remove(): Command {
  return new Command('delete')
    .description('Delete agents, with all that is kept of them.')
    .argument('<agents...>', NAMES)
    .option('--yes', 'do not ask')
    .action((names: string[], flags: HubFlags & { yes?: boolean }) =>
      withHub(flags, async (hub) => {
        const agents = await found(hub, names)
        if (flags.yes !== true && !(await agrees(agents))) {
          note('nothing was deleted')
          return
        }
        await each(hub, names, async ({ id, index, title, version }) => {
          await hub.deleteAgent(id, version)
          print(`deleted ${index} "${printable(title)}"`)
        })
      }),
    )
}

/** Who cannot be asked means it. */
async function agrees(agents: readonly AgentView[]): Promise<boolean> {
  if (!process.stdin.isTTY) return true
  const names = agents.map(({ index, title }) => `${index} "${title}"`).join(', ')
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await asking.question(`Delete ${names}? [y/N] `)).trim())
  } finally {
    asking.close()
  }
}

function rollback(): Command {
  return new Command('rollback')
    .description('Make an earlier version the newest one.')
    .argument('<agent>', NAME)
    .argument('[version]', 'the one before the present one by default; remora agents history lists them')
    .action((name: string, version: string | undefined, flags: HubFlags) =>
      withHub(flags, async (hub) => {
        const agent = findAgent(await hub.agents(), name)
        const to = version === undefined ? await versionBefore(hub, agent) : wholeNumber(version, 'version')
        const next = await hub.rollback(agent.id, to)
        print(`agent ${next.index} "${next.title}" is as in version ${to}; this is version ${next.version}`)
        if (next.source !== undefined) note(`its file ${next.source.path} is as it was`)
      }),
    )
}

async function versionBefore(hub: HubClient, { id, title, version }: AgentView): Promise<number> {
  const before = (await hub.history(id)).filter((each) => each.version < version)
  if (before.length === 0)
    throw new Mistake('E_NOT_FOUND', `of agent "${title}" no version before ${version} is kept`)
  return Math.max(...before.map((each) => each.version))
}

function history(): Command {
  return new Command('history')
    .description('The versions of an agent that are kept, newest first.')
    .argument('<agent>', NAME)
    .option('--code <version>', 'print the code of this version, and nothing else')
    .option('--json', 'print a line of JSON for each, with its code')
    .action((name: string, flags: HubFlags & { code?: string; json?: boolean }) =>
      withHub(flags, async (hub) => {
        const { id, title } = findAgent(await hub.agents(), name)
        const versions = await hub.history(id)
        if (flags.code !== undefined) {
          const wanted = wholeNumber(flags.code, '--code')
          const version = versions.find((each) => each.version === wanted)
          if (version === undefined)
            throw new Mistake('E_NOT_FOUND', `version ${wanted} of agent "${title}" is not kept`)
          printCode(version.code)
        } else if (flags.json === true)
          for (const version of versions) await printJson({ type: 'version', ...version })
        else print(historyTable(versions))
      }),
    )
}

function logs(): Command {
  const command = new Command('logs').description('The console of an agent.').argument('<agent>', NAME)
  return addConsoleOptions(command).action((name: string, flags: ConsoleFlags) =>
    withHub(flags, (hub) => showConsole(hub, { ...flags, agent: name })),
  )
}

function printCode(code: string): void {
  const text = process.stdout.isTTY ? consoleText(code) : code
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

async function found(hub: HubClient, names: readonly string[]): Promise<AgentView[]> {
  const agents = await hub.agents()
  return [...new Map(names.map((name) => [name, findAgent(agents, name)])).values()]
}

/** Nothing is done when one of the names is none; one that fails later keeps the others from nothing. */
async function each(
  hub: HubClient,
  names: readonly string[],
  change: (agent: AgentView) => Promise<void>,
): Promise<void> {
  for (const agent of await found(hub, names)) {
    try {
      await change(agent)
    } catch (error) {
      if (!(error instanceof Mistake) || names.length === 1) throw error
      console.error(`remora: agent ${agent.index} "${agent.title}": ${error.message}`)
      process.exitCode = 2
    }
  }
}

const NAME = 'its identity, index or title'
const NAMES = 'identities, indexes or titles'
const WATCH_MS = 2000
