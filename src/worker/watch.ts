import { type FSWatcher, realpathSync, statSync, watch } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { type Agent, type AgentOptions, isAgentFile, readAgent } from '../agent/agents.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { Run } from './run.ts'

/**
 * Follows the files of agents during a live run: a changed one is loaded anew, a new one joins, a removed one stops.
 * What does not load leaves the old version running. Answers how to stop.
 */
export function watchAgents(
  paths: readonly string[],
  agents: readonly Agent[],
  options: AgentOptions,
  run: Run,
  note: (text: string) => void,
): () => void {
  const keepsPackets = agents.some((agent) => agent.usesPackets)
  /** Agents by their absolute path, with the path as it was given. */
  const known = new Map<string, Followed>(agents.map(({ path, index }) => [resolve(path), { path, index }]))
  /** Folders of which every agent counts, by their absolute path, as they were given. */
  const whole = new Map(
    paths.filter((path) => statSync(path).isDirectory()).map((path) => [resolve(path), path]),
  )
  /** A link is changed where it leads to. */
  const links = new Map([...known.keys()].map((file) => [realpathSync(file), file]))
  const folders = new Set([
    ...whole.keys(),
    ...[...known.keys(), ...links.keys()].map((file) => dirname(file)),
  ])
  const timers = new Map<string, NodeJS.Timeout>()
  const watchers: FSWatcher[] = []

  for (const folder of folders) {
    const giveUp = (error: Error) => note(`changes in ${folder} are not seen: ${error.message}`)
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name !== null) changed(folder, name)
      })
      watchers.push(watcher.on('error', giveUp))
    } catch (error) {
      giveUp(error as Error)
    }
  }
  return () => {
    for (const watcher of watchers) watcher.close()
    for (const timer of timers.values()) clearTimeout(timer)
  }

  function changed(folder: string, name: string): void {
    const named = join(folder, name)
    const file = known.has(named) ? named : (links.get(named) ?? named)
    if (!known.has(file) && !(whole.has(folder) && isAgentFile(name, options.language))) return
    clearTimeout(timers.get(file))
    timers.set(
      file,
      setTimeout(() => void follow(file), QUIET_MS),
    )
  }

  async function follow(file: string): Promise<void> {
    const agent = known.get(file)
    if (statSync(file, { throwIfNoEntry: false })?.isFile() === true) await load(agent ?? newcomer(file))
    else if (agent !== undefined) {
      await run.remove(agent.index)
      note(`${agent.path} is gone: its agent was stopped`)
    }
  }

  function newcomer(file: string): Followed {
    const index = 1 + Math.max(-1, ...[...known.values()].map((each) => each.index))
    const agent = { path: join(whole.get(dirname(file)) ?? '', basename(file)), index }
    known.set(file, agent)
    return agent
  }

  async function load({ path, index }: Followed): Promise<void> {
    try {
      const agent = readAgent(path, index, options)
      const failure = await run.reload(agent)
      if (agent.usesPackets && !keepsPackets)
        note(
          `${path} asks for packets of connections, which are kept only when an agent asks from the start: run again`,
        )
      if (failure === undefined) note(`${path} was reloaded`)
      else
        note(`${path} does not load${run.runs(index) ? ', the old version keeps running' : ''}: ${failure}`)
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      const lines = [error.message, ...(error.hint === undefined ? [] : [error.hint])]
      note([...lines, ...(run.runs(index) ? ['The old version keeps running.'] : [])].join('\n'))
    }
  }
}

interface Followed {
  readonly path: string
  readonly index: number
}

/** Editors write a file in several steps. */
const QUIET_MS = 200
