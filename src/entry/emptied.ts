import { Entry } from './entry.ts'

/** An entry without what it carries, and the row in lists that is made of that. */
export class EmptiedEntry extends Entry {
  override get request() {
    return null
  }
  override get response() {
    return null
  }
  override get data() {
    return null
  }
  override get base() {
    return { method: '', methodQuery: '', summary: '', summaryQuery: '', status: 0, statusQuery: '' }
  }
  override get error() {
    return { type: 'dissection', msg: 'its content is nested too deeply, or too long' } as const
  }
}

/**
 * Text made of an entry. What its content consists of is up to the traffic: where no text can be made of it, or one longer
 * than `LONGEST_ROW`, the entry goes without.
 */
export function textOf(
  make: (entry: Entry) => string,
  ...entry: ConstructorParameters<typeof Entry>
): string {
  try {
    const text = make(new Entry(...entry))
    if (text.length > LONGEST_ROW) throw new RangeError(`${text.length} characters`)
    return text
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return make(new EmptiedEntry(...entry))
  }
}

/** The longest text that V8 can make is not far. */
const LONGEST_ROW = 64 << 20
