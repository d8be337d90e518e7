import { readdirSync, readFileSync } from 'node:fs'

/** A process, known also when its number is given to another one. */
export interface OfProcess {
  readonly pid: number
  readonly command: string
  readonly startedAt: string
}

/** All below this process. */
export function descendants(pid: number): OfProcess[] {
  const all = processes()
  const found: Seen[] = []
  const parents = new Set([pid])
  // Whoever started something is older than it, but numbers may begin again: as often as something new is found.
  for (let before = -1; before !== parents.size; ) {
    before = parents.size
    for (const each of all)
      if (parents.has(each.parent) && !parents.has(each.pid)) {
        parents.add(each.pid)
        found.push(each)
      }
  }
  return found.map(({ pid: number, command, startedAt }) => ({ pid: number, command, startedAt }))
}

export function isThere({ pid, startedAt }: OfProcess): boolean {
  const seen = read(pid)
  return seen?.startedAt === startedAt && seen.state !== 'Z'
}

/** Of it and all below it, MiB. */
export function residentMiB(pid: number): number {
  return Math.round(
    [pid, ...descendants(pid).map((each) => each.pid)].reduce((sum, each) => sum + rss(each), 0),
  )
}

function rss(pid: number): number {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
    return (pages * 4096) / 2 ** 20
  } catch {
    return 0
  }
}

interface Seen extends OfProcess {
  readonly parent: number
  readonly state: string
}

function processes(): Seen[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => read(Number(name)))
    .filter((each) => each !== undefined)
}

function read(pid: number): Seen | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state = '', parent = ''] = fields
    const command = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
    return { pid, command, state, parent: Number(parent), startedAt: fields[19] ?? '' }
  } catch {
    // It has ended meanwhile.
    return undefined
  }
}
