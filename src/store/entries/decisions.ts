import { RowView } from './row-view.ts'
import { Damaged, type SealedSegment } from './sealed-segment.ts'

/** What a filter says of a row by its columns. */
export const NO = 0
export const YES = 1
/** Its line has to be read. */
export const LINE = 2
export type Outcome = typeof NO | typeof YES | typeof LINE

/** What the filter asks for next, and what follows from each value there. */
interface Question {
  readonly codes: Uint16Array
  readonly column: number
  readonly answers: (Question | Outcome | undefined)[]
}

/**
 * Answers of a filter for the rows of one segment. A filter always asks the same things for the same answers, so what it
 * said of one row holds for all that have the same values in the columns that it asked for: it is called once for each
 * combination, and its answers become a tree of questions.
 */
export class Decisions {
  readonly #segment: SealedSegment
  readonly #view: RowView
  readonly #matches: (entry: unknown) => boolean
  #root: Question | Outcome | undefined
  /** Places for answers that are left. */
  #room = MOST_ANSWERS

  constructor(segment: SealedSegment, matches: (entry: unknown) => boolean) {
    this.#segment = segment
    this.#view = new RowView(segment)
    this.#matches = matches
  }

  of(row: number): Outcome {
    let at = this.#root
    while (typeof at === 'object') at = at.answers[at.codes[row] ?? 0]
    return at ?? this.#ask(row)
  }

  /** Calls the filter. */
  #ask(row: number): Outcome {
    const view = this.#view
    view.begin(row)
    const outcome = this.#call()
    if (view.asked.length > MOST_QUESTIONS) {
      // Too many to be alike in all of them.
      this.#root = LINE
      return LINE
    }
    this.#learn(row, view.asked, outcome)
    return outcome
  }

  #call(): Outcome {
    const view = this.#view
    try {
      const matches = this.#matches(view.entry)
      return view.needsLine ? LINE : matches ? YES : NO
    } catch (error) {
      if (error instanceof Damaged) throw error
      // A filter that fails on an entry does not match it.
      return view.needsLine ? LINE : NO
    }
  }

  #learn(row: number, asked: readonly number[], outcome: Outcome): void {
    let place: { answers: (Question | Outcome | undefined)[]; code: number } | undefined
    for (const column of asked) {
      const known = place === undefined ? this.#root : place.answers[place.code]
      const question = typeof known === 'object' ? known : this.#question(column)
      if (question === undefined) return
      if (question !== known) this.#set(place, question)
      place = { answers: question.answers, code: question.codes[row] ?? 0 }
    }
    this.#set(place, outcome)
  }

  #set(
    place: { answers: (Question | Outcome | undefined)[]; code: number } | undefined,
    value: Question | Outcome,
  ): void {
    if (place === undefined) this.#root = value
    else place.answers[place.code] = value
  }

  /** Undefined when there are too many already: then the filter is called for each row that is new. */
  #question(column: number): Question | undefined {
    const { codes, cells } = this.#segment.column(column)
    this.#room -= cells.length
    if (this.#room < 0) return undefined
    return { codes, column, answers: new Array<Question | Outcome | undefined>(cells.length) }
  }
}

/** For one segment. */
const MOST_ANSWERS = 1 << 20
/** Columns that a filter may ask for before the line is read at once. */
const MOST_QUESTIONS = 24
