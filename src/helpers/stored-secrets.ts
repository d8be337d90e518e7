import { Mistake } from '../mistake/mistake.ts'
import { isSecret } from './secrets.ts'

/**
 * Arguments for the disk: marks stand where they have values of `env` that are secret, and what `env` has then is put back when
 * they are read. What a script made of a value by other means than joining texts (its Base64, a part of it) is not recognised.
 */
export class StoredSecrets {
  readonly #marks = new Map<string, string>()
  readonly #values = new Map<string, string>()
  readonly #pattern: RegExp

  constructor(env: Readonly<Record<string, unknown>>) {
    for (const [path, value, hidden] of textsIn(env, ''))
      ENCODINGS.forEach((encode, at) => {
        const mark = `${at}:${encodeURIComponent(path)}`
        // As it stands within JSON.
        const text = JSON.stringify(encode(value)).slice(1, -1)
        this.#values.set(mark, text)
        if (hidden && !this.#marks.has(text)) this.#marks.set(text, `${BEGIN}${mark}${END}`)
      })
    // Longest first: one may be part of another.
    const texts = [...this.#marks.keys()].sort((a, b) => b.length - a.length)
    this.#pattern = new RegExp([BEGIN, ...texts.map(RegExp.escape)].join('|'), 'g')
  }

  /** JSON with marks; it is JSON, too. */
  marked(json: string): string {
    return json.replace(this.#pattern, (found) => this.#marks.get(found) ?? `${BEGIN}${END}`)
  }

  /** The JSON that it was. Throws `E_HELPER_ARGUMENT` when `env` has a value no longer. */
  filled(json: string, path: string): string {
    return json.replace(MARK, (_all, mark: string) => {
      if (mark === '') return BEGIN
      const value = this.#values.get(mark)
      if (value !== undefined) return value
      const name = decodeURIComponent(mark.slice(mark.indexOf(':') + 1))
      throw new Mistake(
        'E_HELPER_ARGUMENT',
        `${path}: env.${name}, which it was called with, is not there any more`,
        {
          hint: `Set scripting.env.${name} again, and send it by remora outbox retry.`,
        },
      )
    })
  }
}

/** Each text of `env`, where it is, and whether it is secret. */
function* textsIn(value: unknown, path: string): Generator<readonly [string, string, boolean]> {
  if (typeof value === 'string') yield [path, value, isSecret(value, path)]
  else if (typeof value === 'object' && value !== null)
    for (const [key, each] of Object.entries(value))
      yield* textsIn(each, path === '' ? key : `${path}.${key}`)
}

/** How a value may stand in a text: as it is, in JSON, in an address. */
const ENCODINGS: readonly ((value: string) => string)[] = [
  (value) => value,
  (value) => JSON.stringify(value).slice(1, -1),
  encodeURIComponent,
  encodeURI,
]
/** Of a mark: for private use in Unicode. */
const BEGIN = '\uE0A7'
const END = '\uE0A8'
const MARK = new RegExp(`${BEGIN}([^${END}]*)${END}`, 'g')
