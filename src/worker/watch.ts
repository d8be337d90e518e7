import { type FSWatcher, statSync, watch } from 'node:fs'
import { basename, dirname, join } from 'node:path'
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
  const known = new Map(agents.map((agent) => [agent.path, agent.index]))
  const folders = new Set(paths.map((path) => (statSync(path).isDirectory() ? path : dirname(path))))
  const whole = new Set(paths.filter((path) => statSync(path).isDirectory()))
  const timers = new Map<string, NodeJS.Timeout>()
  const watchers: FSWatcher[] = []

  for (const folder of folders) {
    const watcher = watch(folder, (_event, name) => {
      if (name === null || !isAgentFile(name, options.language)) return
      const path = join(folder, basename(name))
      if (!known.has(path) && !whole.has(folder)) return
      clearTimeout(timers.get(path))
      timers.set(
        path,
        setTimeout(() => void follow(path), QUIET_MS),
      )
    })
    watcher.on('error', (error) => note(`${folder} is not watched any more: ${error.message}`))
    watchers.push(watcher)
  }
  return () => {
    for (const watcher of watchers) watcher.close()
    for (const timer of timers.values()) clearTimeout(timer)
  }

  async function follow(path: string): Promise<void> {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) {
      const index = known.get(path)
      if (index === undefined) return
      run.remove(index)
      note(`${path} is gone: its agent was stopped`)
      return
    }
    const index = known.get(path) ?? Math.max(-1, ...known.values()) + 1
    try {
      const agent = readAgent(path, index, options)
      const failure = await run.reload(agent)
      known.set(path, index)
      if (agent.usesPackets && !keepsPackets)
        note(
          `${path} asks for packets of connections, which are kept only when an agent asks from the start: run again`,
        )
      note(
        failure === undefined
          ? `${path} was reloaded`
          : `${path} does not load, the old version keeps running: ${failure}`,
      )
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      note(`${error.message}\n${error.hint ?? ''}\nThe old version keeps running.`)
    }
  }
}

/** Editors write a file in several steps. */
const QUIET_MS = 200
