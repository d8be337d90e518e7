import type { AgentChange, AgentDraft, AgentRecord } from '../../wire/agents.ts'
import { fileTitle } from './title.ts'

/** A file that may be an agent, as it was found. */
export interface SeenFile {
  /** Absolute; with user@host the identity of its agent. */
  readonly path: string
  /** Stays the same while the file is renamed, and is no other file's later on. */
  readonly inode: string
  readonly content: Content
}

export type Content =
  | {
      readonly kind: 'script'
      readonly title: string
      readonly code: string
      readonly hash: string
      /** The code is the text of the file, so that it may be written back. */
      readonly isText: boolean
    }
  | { readonly kind: 'broken'; readonly mistake: Told }
  /** Somebody is writing it. */
  | { readonly kind: 'unsettled' }

/** What a person has to read. */
export interface Told {
  readonly message: string
  readonly hint?: string | undefined
}

export interface Problem extends Told {
  /** The same problem has the same key: it is told once. */
  readonly key: string
  readonly path: string
  /** Identity of the agent that stays as it was. */
  readonly agent?: string
  readonly kind: 'syntax' | 'conflict' | 'title' | 'elsewhere' | 'refused' | 'failed' | 'unreadable'
}

export type Action = Create | Update | End | WriteBack

interface Attempt {
  readonly path: string
  /** The same attempt has the same name: what the hub has refused is not tried again at once. */
  readonly attempt: string
}

export interface Create extends Attempt {
  readonly kind: 'create'
  readonly draft: AgentDraft
}

export interface Update extends Attempt {
  readonly kind: 'update'
  readonly agent: AgentRecord
  readonly change: AgentChange
  readonly why: readonly Why[]
}

export interface End extends Attempt {
  readonly kind: 'delete' | 'deactivate'
  readonly agent: AgentRecord
}

/** What was edited on the hub goes into the file, if that is still the one with this hash. */
export interface WriteBack extends Attempt {
  readonly kind: 'write-back'
  readonly agent: AgentRecord
  readonly ifHash: string
}

/** `linked`: the hub had the same code already. */
export type Why = 'changed' | 'retitled' | 'renamed' | 'activated' | 'deactivated' | 'linked'

/** What is remembered from one round to the next; a new session begins with `NOTHING`. */
export interface Memory {
  /** Agents of files that are there, by identity. */
  readonly owned: ReadonlySet<string>
  /** Inodes of files by path, also of those that are missing for a moment. */
  readonly inodes: ReadonlyMap<string, string>
  /** Agents whose files are missing, by identity, and since when. */
  readonly missing: ReadonlyMap<string, number>
  /** Agents to which `--activate` or `--deactivate` was applied: what somebody does later on the hub stays. */
  readonly switched: ReadonlySet<string>
  /** Whether agents were active, by file: who makes them again, for a hub that has lost them, makes them the same. */
  readonly activity: ReadonlyMap<string, boolean>
  /** Agents that are inactive because their file was removed. */
  readonly deactivated: ReadonlySet<string>
}

export const NOTHING: Memory = {
  owned: new Set(),
  inodes: new Map(),
  missing: new Map(),
  switched: new Set(),
  activity: new Map(),
  deactivated: new Set(),
}

export interface SyncOptions {
  readonly onDelete: 'delete' | 'deactivate' | 'keep'
  /** Overwrite what was edited on the hub. */
  readonly force: boolean
  readonly twoWay: boolean
  /** What `--activate` (true) or `--deactivate` (false) says. */
  readonly active?: boolean | undefined
  /** How long a file may be missing before its agent goes. */
  readonly graceMs: number
}

export interface World {
  readonly files: readonly SeenFile[]
  /** All agents of the hub, in order of index. */
  readonly agents: readonly AgentRecord[]
  /** user@host. */
  readonly by: string
  /** Whether a missing file at this path is missing: what is synced has it, and could be read. */
  readonly covers: (path: string) => boolean
  /** Titles and file names that are active as soon as they exist. */
  readonly activeTitles: readonly string[]
  /** Why an attempt was refused not long ago. */
  readonly refused: (attempt: string) => Told | undefined
  readonly now: number
}

export interface Plan {
  /** In the order in which they have to be done. */
  readonly actions: readonly Action[]
  readonly problems: readonly Problem[]
  readonly memory: Memory
  /** When to look again although nothing happens: a period of grace ends, or a file is being written. */
  readonly waitUntil: number | undefined
  /** Files that are as their agents are. */
  readonly upToDate: number
}

/** What has to be done so that the hub has what the files say. Pure. */
export function plan(world: World, memory: Memory, options: SyncOptions): Plan {
  const links = link(world, memory)
  const wishes = links.pairs.map((pair) => wish(pair, world, memory, options))
  const births = links.free.map((file) => birth(file, world, memory, options))
  const ends = links.gone.map((agent) => end(agent, world, memory, options))
  const claims = [...wishes, ...births].filter((each): each is Claim => each.kind === 'claim')
  const { granted, clashes } = settleTitles(claims, world, new Set(ends.flatMap(deletedId)))
  return {
    actions: [...ends.flatMap(actionsOf), ...wishes.flatMap(actionsOf), ...inOrder(granted, world, ends)],
    problems: [...wishes, ...births, ...ends]
      .flatMap(problemsOf)
      .concat(clashes, links.pairs.flatMap(failureOf)),
    memory: remember(world, memory, links, wishes, ends),
    waitUntil: earliest([...wishes, ...births, ...ends]),
    upToDate: wishes.filter(({ kind }) => kind === 'nothing').length,
  }
}

// Which agent is which file's.

interface Links {
  readonly pairs: readonly Pair[]
  /** Files without an agent. */
  readonly free: readonly SeenFile[]
  /** Agents without a file. */
  readonly gone: readonly AgentRecord[]
}

interface Pair {
  readonly agent: AgentRecord
  readonly file: SeenFile
}

/** By path; then what was renamed: by inode, by content, by title. Never by index. */
function link({ files, agents, by, covers }: World, memory: Memory): Links {
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

// What each file, and each agent without one, asks for.

type Wish =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'do'; readonly actions: readonly Action[]; readonly problem?: Problem }
  | { readonly kind: 'wait'; readonly until: number }
  | Claim

/** An agent is to have a title, which another one may have. */
interface Claim {
  readonly kind: 'claim'
  readonly title: string
  readonly action: Create | Update
}

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

// Titles are of one agent each.

interface Settled {
  readonly granted: readonly Claim[]
  readonly clashes: readonly Problem[]
}

/** Who loses keeps the title it has, which may cost another one its claim: until all is said. */
function settleTitles(claims: readonly Claim[], { agents }: World, deleted: ReadonlySet<string>): Settled {
  const clashes: Problem[] = []
  let granted = claims
  for (;;) {
    const moving = new Set(granted.filter((claim) => !keepsTitle(claim)).map(idOf))
    const owners = new Map<string, string>()
    for (const agent of agents)
      if (!moving.has(agent.id) && !deleted.has(agent.id) && !owners.has(agent.title))
        owners.set(agent.title, who(agent))
    const refused = granted.filter((claim) => {
      const { title, action } = claim
      if (title === SHARED_TITLE || keepsTitle(claim)) return false
      const owner = owners.get(title)
      owners.set(title, owner ?? `the file ${action.path}`)
      if (owner !== undefined) clashes.push(clash(claim, owner))
      return owner !== undefined
    })
    if (refused.length === 0) return { granted, clashes }
    granted = granted.filter((claim) => !refused.includes(claim))
  }
}

function keepsTitle({ title, action }: Claim): boolean {
  return action.kind === 'update' && action.agent.title === title
}

/** Who takes over a title comes after who had it; where all wait for each other, one steps aside first. */
function inOrder(granted: readonly Claim[], { agents }: World, ends: readonly Wish[]): Action[] {
  const deleted = new Set(ends.flatMap(deletedId))
  const holders = new Map(agents.filter(({ id }) => !deleted.has(id)).map((agent) => [agent.title, agent.id]))
  const actions: Action[] = []
  const aside = new Set<string>()
  let waiting = granted
  while (waiting.length > 0) {
    const next = waiting.find(isFree)
    const blocked = waiting.find(({ action }) => action.kind === 'update' && !aside.has(action.agent.id))
    if (next !== undefined) go(next)
    else if (blocked?.action.kind === 'update') stepAside(blocked.action)
    else break
    waiting = waiting.filter((claim) => claim !== next)
  }
  return actions

  function isFree(claim: Claim): boolean {
    const holder = holders.get(claim.title)
    return holder === undefined || holder === idOf(claim) || claim.title === SHARED_TITLE
  }

  function go({ action, title }: Claim): void {
    if (action.kind === 'update') leave(action.agent)
    holders.set(title, action.kind === 'update' ? action.agent.id : action.path)
    actions.push(action)
  }

  function stepAside(action: Update): void {
    const { agent } = action
    aside.add(agent.id)
    leave(agent)
    const title = `${agent.title} (${agent.id.slice(0, 8)})`
    actions.push({ ...action, change: { title, ifVersion: agent.version }, why: ['retitled'] })
  }

  function leave({ title, id }: AgentRecord): void {
    if (holders.get(title) === id) holders.delete(title)
  }
}

function idOf({ action }: Claim): string {
  return action.kind === 'update' ? action.agent.id : action.path
}

function who({ title, index, source }: AgentRecord): string {
  const from = source === undefined ? 'not of a file' : `${source.path} of ${source.syncedBy}`
  return `agent ${index} "${title}" (${from})`
}

// What is told.

function broken({ path }: SeenFile, mistake: Told): Problem {
  return { ...mistake, key: `syntax ${path} ${mistake.message} ${mistake.hint}`, path, kind: 'syntax' }
}

/** What was synced does not run, and a node has said why. */
function failureOf({ agent, file }: Pair): Problem[] {
  const { failure, version, index, title } = agent
  if (failure === undefined || failure.version !== version) return []
  const message = `version ${version} of agent ${index} "${title}" did not load on ${failure.node}, the one before runs on: ${failure.reason}`
  return [{ key: `failed ${agent.id} ${version}`, path: file.path, agent: agent.id, kind: 'failed', message }]
}

function refusedBy(path: string, told: Told): Problem {
  return { ...told, key: `refused ${path} ${told.message}`, path, kind: 'refused' }
}

function conflict({ agent, file }: Pair): Problem {
  const hash = file.content.kind === 'script' ? file.content.hash : ''
  return {
    key: `conflict ${file.path} ${hash} ${agent.version} ${agent.title}`,
    path: file.path,
    agent: agent.id,
    kind: 'conflict',
    message: `agent ${agent.index} "${agent.title}" was edited on the hub by ${agent.updatedBy} (version ${agent.version}): it was not overwritten`,
    hint: `remora agents show ${agent.index} --code prints what is there; --force overwrites it with the file, --two-way takes edits into the file`,
  }
}

function orphan(agent: AgentRecord): Problem {
  const path = pathOf(agent)
  return {
    key: `orphan ${path} ${agent.version} ${agent.title}`,
    path,
    agent: agent.id,
    kind: 'conflict',
    message: `the file is gone, but agent ${agent.index} "${agent.title}" was edited on the hub by ${agent.updatedBy}: it was not deleted`,
    hint: `remora agents delete ${agent.index}, or --force, deletes it`,
  }
}

function elsewhere({ index, title, source }: AgentRecord, path: string): Problem {
  return {
    key: `elsewhere ${path} ${source?.syncedBy}`,
    path,
    kind: 'elsewhere',
    message: `agent ${index} "${title}" is of a file with this path, which ${source?.syncedBy} syncs: it was not synced`,
    hint: `--as ${source?.syncedBy} takes it over, when that was you under another name`,
  }
}

function clash({ title, action }: Claim, owner: string): Problem {
  const { path } = action
  return {
    key: `title ${path} ${title}`,
    path,
    ...(action.kind === 'update' ? { agent: action.agent.id } : {}),
    kind: 'title',
    message: `its title "${title}" is the one of ${owner}, too: it was not synced`,
    hint: 'titles are the first comment of a file: give one of them another',
  }
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

function pathOf({ source }: AgentRecord): string {
  return source?.path ?? ''
}

/** The dashboard's name for a new agent: many may have it. */
const SHARED_TITLE = 'New Script'
