import type { AgentRecord } from '../../wire/agents.ts'
import { printable, printableLines } from '../text.ts'
import type { Action, Problem } from './model.ts'
import { shownPath } from './scan.ts'
import type { Round, SyncReport } from './sync.ts'

/** Says what is synced: a line each for people, JSON lines for programs; only what is wrong to those who look elsewhere. */
export class SyncOutput implements SyncReport {
  readonly #json: boolean
  readonly #quiet: boolean
  readonly #cwd: string
  readonly #done = new Map<string, number>()
  readonly #touched = new Set<string>()

  constructor(json: boolean, cwd: string, { quiet = false } = {}) {
    this.#json = json
    this.#quiet = quiet
    this.#cwd = cwd
  }

  done(action: Action, agent: AgentRecord): void {
    const { index, title, version, active } = agent
    const what = wordOf(action)
    this.#done.set(what, (this.#done.get(what) ?? 0) + 1)
    if (action.kind === 'create' || action.kind === 'update') this.#touched.add(agent.id)
    const path = this.#shown(action.path)
    if (this.#json) print({ type: 'sync', action: what, index, title, version, active, path })
    else if (!this.#quiet)
      console.log(
        `${what.padEnd(11)} ${printable(path)}: agent ${index} "${printable(title)}"${noteOn(action, agent)}`,
      )
  }

  problem(problem: Problem): void {
    const { kind, message, hint } = problem
    const path = this.#shown(problem.path)
    if (this.#json) {
      print({ type: 'problem', kind, path, message, ...(hint === undefined ? {} : { hint }) })
      return
    }
    // What is wrong in a file says where, and that what cannot be read has its name.
    console.error(printableLines(message.includes(path) ? message : `${path}: ${message}`))
    if (hint !== undefined && hint !== '') console.error(printableLines(`  ${hint.replaceAll('\n', '\n  ')}`))
  }

  note(text: string): void {
    console.error(`remora: ${printableLines(text)}`)
  }

  lost(why: string): void {
    this.note(`${why}; trying again`)
  }

  restored(): void {
    this.note('the hub is there again')
  }

  ready({ upToDate, problems }: Round): void {
    this.summary(upToDate, problems.length)
    if (!this.#json && !this.#quiet) this.note('watching')
  }

  /** Answers whether something is wrong. */
  summary(upToDate: number, problems: number): boolean {
    const unchanged = Math.max(0, upToDate - this.#touched.size)
    const done = Object.fromEntries(this.#done)
    if (this.#json) print({ type: 'summary', ...done, unchanged, problems })
    else if (!this.#quiet) {
      const parts = Object.entries(done).map(([what, number]) => `${number} ${what}`)
      const all = [...parts, `${unchanged} unchanged`, ...(problems > 0 ? [counted(problems)] : [])]
      console.log(all.join(', '))
    }
    return problems > 0
  }

  #shown(path: string): string {
    return shownPath(path, this.#cwd)
  }
}

function wordOf(action: Action): string {
  if (action.kind === 'update') return MOST_TELLING.find((why) => action.why.includes(why)) ?? 'linked'
  return WORDS[action.kind]
}

function noteOn(action: Action, { version, active, index }: AgentRecord): string {
  if (action.kind === 'create') return active ? ', active' : `, inactive (remora agents activate ${index})`
  if (action.kind !== 'update') return ''
  const { title, code } = action.change
  const parts = [
    ...(title === undefined ? [] : [`it was "${action.agent.title}"`]),
    ...(code === undefined ? [] : [`version ${version}`]),
  ]
  return parts.map((part) => `, ${part}`).join('')
}

function print(line: object): void {
  console.log(JSON.stringify(line))
}

function counted(problems: number): string {
  return `${problems} problem${problems === 1 ? '' : 's'}`
}

const MOST_TELLING = ['renamed', 'changed', 'retitled', 'activated', 'deactivated'] as const
const WORDS = {
  create: 'created',
  delete: 'deleted',
  deactivate: 'deactivated',
  'write-back': 'taken over',
} as const
