import type { AgentRecord } from '../../wire/agents.ts'
import { type Memory, pathOf, type SeenFile, SHARED_TITLE, type World } from './model.ts'

/** Which agent is which file's. */
export interface Links {
  readonly pairs: readonly Pair[]
  /** Files without an agent. */
  readonly free: readonly SeenFile[]
  /** Agents without a file. */
  readonly gone: readonly AgentRecord[]
}

export interface Pair {
  readonly agent: AgentRecord
  readonly file: SeenFile
}

/** By path; then what was renamed: by inode, by content, by title. Never by index. */
export function link({ files, agents, by, covers }: World, memory: Memory): Links {
  const free = new Map(files.map((file) => [file.path, file]))
  const pairs: Pair[] = []
  const mine = agents.filter(({ source }) => source?.syncedBy === by)
  const lost = mine.filter((agent) => !take(agent, free.get(pathOf(agent))))
  const taken = new Set(pairs.map(({ file }) => file.path))
  const isSurplus = (agent: AgentRecord) => taken.has(pathOf(agent))
  let gone = lost.filter((agent) => isSurplus(agent) || covers(pathOf(agent)))
  for (const isSame of [hasInode(memory), hasContent, hasTitle])
    gone = gone.filter((agent) => isSurplus(agent) || !take(agent, found(agent, isSame)))
  return { pairs, free: [...free.values()], gone }

  function take(agent: AgentRecord, file: SeenFile | undefined): boolean {
    if (file === undefined) return false
    free.delete(file.path)
    pairs.push({ agent, file })
    return true
  }

  function found(agent: AgentRecord, isSame: (agent: AgentRecord, file: SeenFile) => boolean) {
    return [...free.values()].find((file) => isSame(agent, file))
  }
}

const hasInode = (memory: Memory) => (agent: AgentRecord, file: SeenFile) =>
  memory.inodes.get(pathOf(agent)) === file.inode

function hasContent({ source, hash }: AgentRecord, { content }: SeenFile): boolean {
  return content.kind === 'script' && (content.hash === source?.hash || content.hash === hash)
}

function hasTitle({ title }: AgentRecord, { content }: SeenFile): boolean {
  return content.kind === 'script' && content.title === title && title !== SHARED_TITLE
}
