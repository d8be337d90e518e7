import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { placementOf } from './cgroup.ts'
import type { FoundProcess, FoundSockets } from './found-process.ts'
import { connectedSockets } from './sockets.ts'

/**
 * Finds out which processes of this machine have which connections, as far as `/proc` shows them: sockets of every network namespace
 * in which a process runs, with the processes that have them open. A connection of which several namespaces have the same ends
 * is nobody's.
 */
export class ProcessFinder {
  readonly #root: string
  readonly #known = new Map<string, Known>()
  /** How often was looked for whose sockets are, by their inodes. */
  readonly #tries = new Map<string, number>()
  #turn = 0

  /** `root`: where `/proc` is. */
  constructor(root = '/proc') {
    this.#root = root
  }

  /** Looks once, and tells what is new. What is no more is told some turns later: entries of a connection come after its end. */
  look(): FoundSockets {
    this.#turn++
    const found: (readonly [string, FoundProcess])[] = []
    const seen = new Map<string, string>()
    const twice = new Set<string>()
    for (const [, pids] of this.#namespaces()) {
      const sockets = this.#socketsOf(pids)
      for (const { ends, inode } of sockets) {
        if (seen.has(ends) && seen.get(ends) !== inode) twice.add(ends)
        seen.set(ends, inode)
      }
      const unknown = sockets.filter(({ ends, inode }) => this.#known.get(ends)?.inode !== inode)
      const missing = new Set(unknown.map(({ inode }) => inode).filter((inode) => this.#isWorthIt(inode)))
      if (missing.size === 0) continue
      const owners = this.#ownersOf(missing, pids)
      for (const { ends, inode } of unknown) {
        const process = owners.get(inode)
        if (process === undefined) continue
        this.#known.set(ends, { inode, turn: this.#turn })
        found.push([ends, process])
      }
    }
    const gone = this.#forget(seen, twice)
    return { found: found.filter(([ends]) => !twice.has(ends)), gone }
  }

  /** A socket that a process is about to take may be nobody's for a moment; others are nobody's that we can see for good. */
  #isWorthIt(inode: string): boolean {
    const tries = (this.#tries.get(inode) ?? 0) + 1
    if (this.#tries.size >= MOST_TRIED) this.#tries.clear()
    this.#tries.set(inode, tries)
    return tries <= MOST_TRIES
  }

  #forget(seen: ReadonlyMap<string, string>, twice: ReadonlySet<string>): string[] {
    const gone: string[] = []
    for (const [ends, known] of this.#known) {
      if (seen.get(ends) === known.inode) known.turn = this.#turn
      if (!twice.has(ends) && known.turn > this.#turn - KEPT_TURNS) continue
      this.#known.delete(ends)
      gone.push(ends)
    }
    return gone
  }

  /** Processes by their network namespace. */
  #namespaces(): Map<string, string[]> {
    const namespaces = new Map<string, string[]>()
    const pids = readdirSync(this.#root).filter((name) => /^\d+$/.test(name))
    for (const pid of pids.slice(0, MOST_PROCESSES)) {
      const namespace = orNothing(() => readlinkSync(join(this.#root, pid, 'ns/net')))
      if (namespace === undefined) continue
      const others = namespaces.get(namespace)
      if (others === undefined) namespaces.set(namespace, [pid])
      else others.push(pid)
    }
    return namespaces
  }

  /** The tables are the same for all of a namespace; a process may end while we look. */
  #socketsOf(pids: readonly string[]) {
    for (const pid of pids) {
      const tables = TABLES.map((name) =>
        orNothing(() => readFileSync(join(this.#root, pid, 'net', name), 'latin1')),
      )
      if (tables[0] === undefined) continue
      return tables.flatMap((table) =>
        connectedSockets(table ?? '')
          .slice(0, MOST_SOCKETS)
          .map(({ local, remote, inode }) => ({ ends: `${local} ${remote}`, inode })),
      )
    }
    return []
  }

  /** The first process that has a socket: children may have it open, too, and came later. */
  #ownersOf(inodes: ReadonlySet<string>, pids: readonly string[]): Map<string, FoundProcess> {
    const owners = new Map<string, FoundProcess>()
    for (const pid of pids) {
      if (owners.size === inodes.size) break
      const folder = join(this.#root, pid, 'fd')
      const files = orNothing(() => readdirSync(folder)) ?? []
      let about: Omit<FoundProcess, 'socketId'> | undefined
      for (const file of files) {
        const target = orNothing(() => readlinkSync(join(folder, file)))
        const inode = /^socket:\[(\d+)\]$/.exec(target ?? '')?.[1]
        if (inode === undefined || !inodes.has(inode) || owners.has(inode)) continue
        about ??= this.#describe(pid)
        if (about === undefined) break
        owners.set(inode, { ...about, socketId: inode })
      }
    }
    return owners
  }

  /** Undefined when it has ended. */
  #describe(pid: string): Omit<FoundProcess, 'socketId'> | undefined {
    const read = (name: string, of = pid) => orNothing(() => readFileSync(join(this.#root, of, name), 'utf8'))
    const status = read('status')
    if (status === undefined) return undefined
    const processPath = orNothing(() => readlinkSync(join(this.#root, pid, 'exe')))
    const parent = fieldOf(status, 'PPid')
    const parentStatus = parent === '0' ? undefined : read('status', parent)
    const [inside, parentInside] = [idsOf(status), idsOf(parentStatus ?? '')]
    return {
      ...placementOf(read('cgroup') ?? ''),
      processId: inside.at(-1) ?? Number(pid),
      // One of another namespace of processes has no number in this one.
      parentProcessId: parentInside.length === inside.length ? (parentInside.at(-1) ?? 0) : 0,
      hostProcessId: Number(pid),
      hostParentProcessId: Number(parent) || 0,
      processName: fieldOf(status, 'Name'),
      processPath: processPath ?? '',
    }
  }
}

interface Known {
  readonly inode: string
  /** When it was seen last. */
  turn: number
}

/** Of `/proc/<pid>/status`. */
function fieldOf(status: string, name: string): string {
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? ''
}

/** Of a process in each of the namespaces that it is in, the innermost last. */
function idsOf(status: string): number[] {
  return fieldOf(status, 'NSpid')
    .split(/\s+/)
    .filter((each) => each !== '')
    .map(Number)
}

/** What a process has is gone when it ends, and may be none of our business. */
function orNothing<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}

const MOST_TRIES = 3
const MOST_TRIED = 50_000
const TABLES = ['tcp', 'tcp6', 'udp', 'udp6']
const MOST_PROCESSES = 20_000
/** Of one table. */
const MOST_SOCKETS = 20_000
/** Nobody has the same ends before: RFC 9293 §3.6.1. */
const KEPT_TURNS = 15
