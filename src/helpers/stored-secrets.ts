import { Mistake } from '../mistake/mistake.ts'
import { KnownTexts } from './known-texts.ts'
import { isSecret } from './secrets.ts'

/**
 * Arguments for the disk: marks stand where they have values of `env` that are secret, and what `env` has then is put back when
 * they are read. It knows values as they are, as JSON, in addresses, in hexadecimal and in Base64, whatever stands around them. What
 * a script has made of a value otherwise is not recognised.
 */
export class StoredSecrets {
  readonly #known: KnownTexts
  /** By mark: how it stands within JSON. */
  readonly #texts = new Map<string, string>()

  constructor(env: Readonly<Record<string, unknown>>) {
    const hidden: [text: string, mark: string][] = []
    for (const [path, value, isHidden] of textsIn(env, ''))
      ENCODINGS.forEach((encode, at) => {
        const mark = `${BEGIN}${at}:${encodeURIComponent(path)}${END}`
        const text = JSON.stringify(encode(value)).slice(1, -1)
        this.#texts.set(mark, text)
        if (isHidden) hidden.push([text, mark])
      })
    this.#known = new KnownTexts(hidden)
  }

  /** JSON with marks; it is JSON, too. */
  marked(json: string): string {
    const text = json.includes(BEGIN) ? json.replaceAll(BEGIN, BEGIN + END) : json
    let marked = ''
    let end = 0
    for (const { start, stand } of this.#known.placesIn(text)) {
      marked += text.slice(end, start) + stand
      end = start + (this.#texts.get(stand) ?? '').length
    }
    return marked + text.slice(end)
  }

  /** The JSON that it was. Throws `E_HELPER_ARGUMENT` when `env` has a value no longer. */
  filled(json: string, path: string): string {
    return json.replace(MARK, (mark) => {
      if (mark === BEGIN + END) return BEGIN
      const text = this.#texts.get(mark)
      if (text !== undefined) return text
      const name = `env.${decodeURIComponent(mark.slice(mark.indexOf(':') + 1, -1))}`
      throw new Mistake('E_HELPER_ARGUMENT', `${path}: ${name}, which it was called with, is gone`, {
        hint: `Set scripting.${name} again, and send the call by remora outbox retry.`,
      })
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

/** How a value may stand in a text. Marks have their places: new ones come last. */
const ENCODINGS: readonly ((value: string) => string)[] = [
  (value) => value,
  (value) => JSON.stringify(value).slice(1, -1),
  encodeURIComponent,
  encodeURI,
  (value) => Buffer.from(value).toString('base64'),
  (value) => Buffer.from(value).toString('hex'),
]
/** Of a mark: for private use in Unicode. */
const BEGIN = '\uE0A7'
const END = '\uE0A8'
const MARK = new RegExp(`${BEGIN}[^${END}]*${END}`, 'g')
