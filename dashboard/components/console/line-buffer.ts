import type { ConsoleLine } from '../../../src/wire/console.ts'
import { RecentIds } from '../../../src/wire/recent-ids.ts'

/** A line that is kept, with its numbers since the console was cleared last: of its agent, and of all. */
export interface KeptLine {
  readonly line: ConsoleLine
  readonly ofAgent: number
  readonly ofAll: number
}

export interface BufferLimits {
  /** Lines of each agent. */
  readonly ofAgent: number
  /** Lines of all agents. */
  readonly ofAll: number
  /** Characters of all lines. */
  readonly characters: number
}

/**
 * The newest lines of all agents, in the order in which they came. A line that comes twice is one; a line of level `clear`
 * takes those of its agent away, or all (agent ''), and stays as the first one after.
 */
export class LineBuffer {
  readonly #limits: BufferLimits
  #lines: readonly KeptLine[] = []
  readonly #ids = new RecentIds(MOST_IDS)
  /** Of each agent, since its console was cleared. */
  readonly #agents = new Map<string, { number: number; kept: number; leftOut: number }>()
  #number = 0
  #characters = 0
  #listeners = new Set<() => void>()

  constructor(limits: BufferLimits = LIMITS) {
    this.#limits = limits
  }

  /** The same array until something comes. */
  get lines(): readonly KeptLine[] {
    return this.#lines
  }

  /** How many lines of an agent, or of all, had to go for newer ones since the console was cleared. */
  leftOut(agent?: string): number {
    if (agent !== undefined) return this.#agents.get(agent)?.leftOut ?? 0
    return this.#agents.values().reduce((sum, { leftOut }) => sum + leftOut, 0)
  }

  add(lines: readonly ConsoleLine[]): void {
    const fresh = lines.filter(({ id }) => this.#ids.add(id))
    if (fresh.length === 0) return
    let kept: KeptLine[] = [...this.#lines]
    for (const line of fresh) {
      if (line.level === 'clear') kept = this.#cleared(kept, line.agent)
      kept.push(this.#numbered(line))
    }
    this.#lines = this.#bounded(kept)
    for (const listener of this.#listeners) listener()
  }

  /** Calls back whenever `lines` is another array; answers what ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #numbered(line: ConsoleLine): KeptLine {
    const agent = this.#agent(line.agent)
    agent.kept++
    this.#characters += line.text.length
    return { line, ofAgent: ++agent.number, ofAll: ++this.#number }
  }

  #cleared(lines: readonly KeptLine[], agent: string): KeptLine[] {
    const left = agent === '' ? [] : lines.filter(({ line }) => line.agent !== agent)
    if (agent === '') this.#agents.clear()
    else this.#agents.delete(agent)
    if (left.length === 0) this.#number = 0
    this.#characters = charactersOf(left)
    return left
  }

  /** The oldest go: of agents that have too many, then of all. */
  #bounded(lines: KeptLine[]): readonly KeptLine[] {
    const { ofAgent, ofAll, characters } = this.#limits
    const tooMany = [...this.#agents].filter(([, { kept }]) => kept > ofAgent)
    const excess = new Map(tooMany.map(([id, { kept }]) => [id, kept - ofAgent]))
    const fair = excess.size === 0 ? lines : lines.filter(({ line }) => !this.#isExcess(line, excess))
    let from = Math.max(0, fair.length - ofAll)
    for (const { line } of fair.slice(0, from)) this.#leaveOut(line)
    for (; this.#characters > characters && from < fair.length - 1; from++) this.#leaveOut(fair[from]?.line)
    return from === 0 ? fair : fair.slice(from)
  }

  #isExcess(line: ConsoleLine, excess: Map<string, number>): boolean {
    const left = excess.get(line.agent) ?? 0
    if (left === 0) return false
    excess.set(line.agent, left - 1)
    this.#leaveOut(line)
    return true
  }

  #leaveOut(line: ConsoleLine | undefined): void {
    if (line === undefined) return
    const agent = this.#agent(line.agent)
    agent.kept--
    agent.leftOut++
    this.#characters -= line.text.length
  }

  #agent(id: string) {
    const known = this.#agents.get(id) ?? { number: 0, kept: 0, leftOut: 0 }
    this.#agents.set(id, known)
    return known
  }
}

function charactersOf(lines: readonly KeptLine[]): number {
  return lines.reduce((sum, { line }) => sum + line.text.length, 0)
}

const LIMITS: BufferLimits = { ofAgent: 10_000, ofAll: 50_000, characters: 32 << 20 }
const MOST_IDS = 200_000
