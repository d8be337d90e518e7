import { isMethodName } from '../dissectors/amqp/grammar.ts'

/** A text in a filter that may be spelled in several ways: it is equal to each of them, and else what was written. */
export class Spellings {
  readonly texts: readonly string[]
  readonly #written: string

  constructor(written: string, texts: readonly string[]) {
    this.#written = written
    this.texts = texts
  }

  toString(): string {
    return this.#written
  }
}

/** Methods of AMQP are `basic publish` in entries and `basic.publish` in KFL2; filters may say either (agent-api §5.5). */
export function spellingsOf(text: string): string | Spellings {
  const spaced = text.replace('.', ' ')
  return isMethodName(spaced) ? new Spellings(text, [spaced, spaced.replace(' ', '.')]) : text
}
