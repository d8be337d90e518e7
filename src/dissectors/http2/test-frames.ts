import { FLAG, FRAME, PREFACE } from './frames.ts'
import { FIELD_OVERHEAD, STATIC_FIELDS } from './static-table.ts'

export type TestField = readonly [name: string, value: string]
/** How a field is written: as an index where there is one, or as a literal that is inserted or not. */
export type Writing = 'index' | 'insert' | 'plain' | 'never'

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | string = '',
): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload
  const header = Buffer.alloc(9)
  header.writeUIntBE(bytes.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(stream, 5)
  return Buffer.concat([header, bytes])
}

export const preface = Buffer.concat([PREFACE, settings()])

export function settings(...values: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(values.length * 6)
  values.forEach(([id, value], at) => {
    payload.writeUInt16BE(id, at * 6)
    payload.writeUInt32BE(value, at * 6 + 2)
  })
  return frame(FRAME.settings, 0, 0, payload)
}

export function data(stream: number, body: Uint8Array | string, ends = false): Buffer {
  return frame(FRAME.data, ends ? FLAG.endStream : 0, stream, body)
}

export function reset(stream: number, code: number): Buffer {
  return frame(FRAME.rstStream, 0, stream, u32(code))
}

export function goaway(last: number, code: number): Buffer {
  return frame(FRAME.goaway, 0, 0, Buffer.concat([u32(last), u32(code)]))
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Writes header blocks with a dynamic table of its own, by the book: it is what the reader is held against. */
export class TestEncoder {
  #table: TestField[] = []
  #limit = 4096

  resize(limit: number): Buffer {
    this.#limit = limit
    this.#evict()
    return integer(limit, 0x1f, 0x20)
  }

  block(fields: readonly TestField[], writing: (index: number) => Writing = () => 'insert'): Buffer {
    return Buffer.concat(fields.map((field, index) => this.#field(field, writing(index))))
  }

  #field(field: TestField, writing: Writing): Buffer {
    const [name, value] = field
    const index = this.#indexOf((each) => each[0] === name && each[1] === value)
    if (writing === 'index' && index > 0) return integer(index, 0x7f, 0x80)
    const nameIndex = this.#indexOf((each) => each[0] === name)
    const literal = Buffer.concat([nameIndex > 0 ? Buffer.alloc(0) : string(name), string(value)])
    if (writing === 'plain' || writing === 'never')
      return Buffer.concat([integer(nameIndex, 0x0f, writing === 'never' ? 0x10 : 0), literal])
    this.#table.unshift(field)
    this.#evict()
    return Buffer.concat([integer(nameIndex, 0x3f, 0x40), literal])
  }

  #indexOf(matches: (field: TestField) => boolean): number {
    const known = STATIC_FIELDS.findIndex(({ name, value }, at) => at > 0 && matches([name, value]))
    if (known > 0) return known
    const own = this.#table.findIndex(matches)
    return own < 0 ? 0 : own + STATIC_FIELDS.length
  }

  #evict(): void {
    const size = () =>
      this.#table.reduce((sum, [name, value]) => sum + name.length + value.length + FIELD_OVERHEAD, 0)
    while (size() > this.#limit) this.#table.pop()
  }
}

/** HEADERS that are whole, from an encoder of their own where none is given. */
export function headers(
  stream: number,
  fields: readonly TestField[],
  { ends = false, encoder = new TestEncoder(), writing = 'plain' as Writing } = {},
): Buffer {
  const flags = FLAG.endHeaders | (ends ? FLAG.endStream : 0)
  return frame(
    FRAME.headers,
    flags,
    stream,
    encoder.block(fields, () => writing),
  )
}

export function get(path: string): TestField[] {
  return [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'shop.test:8080'],
  ]
}

export function post(path: string, ...more: TestField[]): TestField[] {
  return [[':method', 'POST'], ...get(path).slice(1), ...more]
}

export function status(code: number, ...more: TestField[]): TestField[] {
  return [[':status', String(code)], ...more]
}

/** RFC 7541 §5.1 */
function integer(value: number, prefix: number, pattern: number): Buffer {
  if (value < prefix) return Buffer.of(pattern | value)
  const bytes = [pattern | prefix]
  let rest = value - prefix
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  return Buffer.concat([integer(bytes.length, 0x7f, 0), bytes])
}
