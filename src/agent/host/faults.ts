import type { AgentFault } from '../../wire/agents.ts'
import { placeIn, withoutPlace } from './place.ts'

/** Errors of a script by where they arose, each counted: as many different ones as anybody reads. */
export class Faults {
  readonly #file: string
  readonly #byKey = new Map<string, AgentFault & { count: number }>()
  readonly #list: AgentFault[] = []

  constructor(file: string) {
    this.#file = file
  }

  /** In the order in which each came first. The same array for good. */
  get list(): readonly AgentFault[] {
    return this.#list
  }

  /** An error that says nothing of its place is not one of a line. */
  note(text: string): void {
    const place = placeIn(text, this.#file)
    if (place === undefined) return
    const message = withoutPlace(text, this.#file).slice(0, LONGEST_MESSAGE)
    const key = `${place.line}:${place.column} ${message}`
    const known = this.#byKey.get(key)
    if (known !== undefined) known.count++
    else if (this.#list.length < MOST_FAULTS) {
      const fault = { ...place, message, count: 1 }
      this.#byKey.set(key, fault)
      this.#list.push(fault)
    }
  }
}

const MOST_FAULTS = 20
const LONGEST_MESSAGE = 500
