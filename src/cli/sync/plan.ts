import type { AgentChange, AgentRecord } from '../../wire/agents.ts'
import { type Links, link, type Pair } from './link.ts'
import {
  type Action,
  type Memory,
  type Plan,
  type Problem,
  pathOf,
  type SeenFile,
  type SyncOptions,
  type Update,
  type Why,
  type World,
  type WriteBack,
} from './model.ts'
import { broken, conflict, elsewhere, failureOf, orphan, refusedBy } from './problems.ts'
import { fileTitle } from './title.ts'
import { type Claim, inOrder, settleTitles } from './titles.ts'

/** What has to be done so that the hub has what the files say. Pure. */
export function plan(world: World, memory: Memory, options: SyncOptions): Plan {
  const links = link(world, memory)
  const wishes = links.pairs.map((pair) => wish(pair, world, memory, options))
  const births = links.free.map((file) => birth(file, world, memory, options))
  const ends = links.gone.map((agent) => end(agent, world, memory, options))
  const claims = [...wishes, ...births].filter((each): each is Claim => each.kind === 'claim')
  const deleted = new Set(ends.flatMap(deletedId))
  const { granted, clashes } = settleTitles(claims, world.agents, deleted)
  return {
    actions: [...[...ends, ...wishes].flatMap(actionsOf), ...inOrder(granted, world.agents, deleted)],
    problems: [...wishes, ...births, ...ends]
      .flatMap(problemsOf)
      .concat(clashes, links.pairs.flatMap(failureOf)),
    memory: remember(world, memory, links, wishes, ends),
    waitUntil: earliest([...wishes, ...births, ...ends]),
    upToDate: wishes.filter(({ kind }) => kind === 'nothing').length,
  }
}

// What each file, and each agent without one, asks for.

type Wish =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'do'; readonly actions: readonly Action[]; readonly problem?: Problem }
  | { readonly kind: 'wait'; readonly until: number }
  | Claim

function wish(pair: Pair, world: World, memory: Memory, options: SyncOptions): Wish {
  const { agent, file } = pair
  if (file.content.kind === 'unsettled') return { kind: 'wait', until: world.now }
  if (file.content.kind === 'broken') {
    return { kind: 'do', actions: follow(pair), problem: broken(file, file.content.mistake) }
  }
  const { hash, title, isText } = file.content
  const refusal = world.refused(attemptOf(file))
  if (refusal !== undefined)
    return { kind: 'do', actions: follow(pair), problem: refusedBy(file.path, refusal) }
  // Who edited it made it what the file is: there is nothing to lose.
  const agree = agent.hash === hash && agent.source?.hash !== hash
  if (isEdited(agent) && !options.force && !agree) {
    if (options.twoWay && isText && agent.source?.hash === hash && agent.hash !== hash)
      return attempted(writeBack(pair, hash), world)
    return { kind: 'do', actions: follow(pair), problem: conflict(pair) }
  }
  const active = wantedActivity(agent, memory, options)
  const change: AgentChange = {
    ...(agent.title === title ? {} : { title }),
    ...(agent.hash === hash ? {} : { code: file.content.code }),
    ...(agent.active === active ? {} : { active }),
    ...(agent.source?.hash === hash && pathOf(agent) === file.path
      ? {}
      : { source: sourceOf(file, hash, world) }),
  }
  if (Object.keys(change).length === 0) return { kind: 'nothing' }
  return { kind: 'claim', title, action: update(pair, change) }
}

/** A file that was renamed keeps its agent, whatever else there is about it: only the path is noted. */
function follow({ agent, file }: Pair): Action[] {
  const { source } = agent
  if (source === undefined || source.path === file.path) return []
  // A title that is the name of the file goes with it.
  const title = fileTitle(agent.code, file.path)
  const isNamed = !isEdited(agent) && title !== agent.title
  const change = { ...(isNamed ? { title } : {}), source: { ...source, path: file.path } }
  return [update({ agent, file }, change)]
}

function update({ agent, file }: Pair, change: AgentChange): Update {
  const why: Why[] = [
    ...(change.code === undefined ? [] : ['changed' as const]),
    ...(change.title === undefined ? [] : ['retitled' as const]),
    ...(pathOf(agent) === file.path ? [] : ['renamed' as const]),
    ...(change.active === undefined
      ? []
      : [change.active ? ('activated' as const) : ('deactivated' as const)]),
  ]
  return {
    kind: 'update',
    path: file.path,
    attempt: attemptOf(file),
    agent,
    change: { ...change, ifVersion: agent.version },
    why: why.length === 0 ? ['linked'] : why,
  }
}

function writeBack({ agent, file }: Pair, ifHash: string): WriteBack {
  const { path } = file
  return { kind: 'write-back', path, attempt: `write-back ${path} ${agent.version}`, agent, ifHash }
}

function attemptOf({ path, content }: SeenFile): string {
  return `${path} ${content.kind === 'script' ? content.hash : ''}`
}

/** Whether somebody has changed it since it was synced. */
function isEdited({ source, hash, title, code }: AgentRecord): boolean {
  if (source === undefined) return true
  return hash !== source.hash || title !== fileTitle(code, source.path)
}

function wantedActivity(agent: AgentRecord, memory: Memory, { active }: SyncOptions): boolean {
  if (active !== undefined && !memory.switched.has(agent.id)) return active
  return agent.active || memory.deactivated.has(agent.id)
}

function birth(file: SeenFile, world: World, memory: Memory, { active }: SyncOptions): Wish {
  const { content, path } = file
  if (content.kind === 'unsettled') return { kind: 'wait', until: world.now }
  if (content.kind === 'broken') return { kind: 'problem', problem: broken(file, content.mistake) }
  const { title, code, hash } = content
  const other = world.agents.find(({ source }) => source?.path === path && source.syncedBy !== world.by)
  if (other !== undefined) return { kind: 'problem', problem: elsewhere(other, path) }
  const refusal = world.refused(attemptOf(file))
  if (refusal !== undefined) return { kind: 'problem', problem: refusedBy(path, refusal) }
  const draft = {
    title,
    code,
    active: memory.activity.get(path) ?? active ?? isListed(world.activeTitles, title, path),
    source: sourceOf(file, hash, world),
  }
  return { kind: 'claim', title, action: { kind: 'create', path, attempt: attemptOf(file), draft } }
}

/** Whole items of the list only: a title, or the name of a file with or without its ending. */
function isListed(titles: readonly string[], title: string, path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const names = [title, name, name.replace(/\.(js|ts)$/, '')]
  return titles.some((each) => names.includes(each.trim().replace(/\s+/g, ' ')))
}

function sourceOf({ path }: SeenFile, hash: string, { by }: World) {
  return { path, hash, syncedBy: by }
}

function end(agent: AgentRecord, world: World, memory: Memory, options: SyncOptions): Wish {
  const until = (memory.missing.get(agent.id) ?? world.now) + options.graceMs
  if (world.now < until) return { kind: 'wait', until }
  const { onDelete, force } = options
  if (onDelete === 'keep' || memory.deactivated.has(agent.id)) return { kind: 'nothing' }
  if (onDelete === 'deactivate' && !agent.active) return { kind: 'nothing' }
  if (onDelete === 'delete' && isEdited(agent) && !force) return { kind: 'problem', problem: orphan(agent) }
  const attempt = `${onDelete} ${agent.id} ${agent.version}`
  return attempted({ kind: onDelete, path: pathOf(agent), attempt, agent }, world)
}

function attempted(action: Action, { refused }: World): Wish {
  const refusal = refused(action.attempt)
  if (refusal === undefined) return { kind: 'do', actions: [action] }
  return { kind: 'problem', problem: refusedBy(action.path, refusal) }
}

// What is remembered.

function remember(
  { files, now }: World,
  memory: Memory,
  { gone, pairs }: Links,
  wishes: readonly Wish[],
  ends: readonly Wish[],
): Memory {
  const inodes = new Map(files.map(({ path, inode }) => [path, inode]))
  // Also of an agent that has found its file, but may not follow it yet: its new title is somebody else's.
  for (const agent of [...gone, ...pairs.map((pair) => pair.agent)]) {
    const inode = memory.inodes.get(pathOf(agent))
    if (inode !== undefined && !inodes.has(pathOf(agent))) inodes.set(pathOf(agent), inode)
  }
  const missing = new Map(gone.map(({ id }) => [id, memory.missing.get(id) ?? now]))
  // What was asked for has been done.
  const isBack = new Set(pairs.flatMap(({ agent }, at) => (wishes[at]?.kind === 'nothing' ? [agent.id] : [])))
  const deactivated = new Set([...memory.deactivated].filter((id) => !isBack.has(id)))
  for (const { kind, agent } of ends.flatMap(endings)) if (kind === 'deactivate') deactivated.add(agent.id)
  const activity = new Map([...memory.activity].filter(([path]) => inodes.has(path)))
  for (const { agent, file } of pairs) activity.set(file.path, agent.active)
  const switched = new Set([...memory.switched, ...isBack])
  const owned = new Set(pairs.map(({ agent }) => agent.id))
  return { owned, inodes, missing, switched, activity, deactivated }
}

function endings(each: Wish) {
  return actionsOf(each).flatMap((action) =>
    action.kind === 'delete' || action.kind === 'deactivate' ? [action] : [],
  )
}

function actionsOf(each: Wish): readonly Action[] {
  return each.kind === 'do' ? each.actions : []
}

function problemsOf(each: Wish): Problem[] {
  if (each.kind === 'problem') return [each.problem]
  return each.kind === 'do' && each.problem !== undefined ? [each.problem] : []
}

function deletedId(each: Wish): string[] {
  return endings(each).flatMap(({ kind, agent }) => (kind === 'delete' ? [agent.id] : []))
}

function earliest(wishes: readonly Wish[]): number | undefined {
  const times = wishes.flatMap((each) => (each.kind === 'wait' ? [each.until] : []))
  return times.length === 0 ? undefined : Math.min(...times)
}
