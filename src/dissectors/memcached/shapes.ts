import { flag, list, number, object, ofBody, text, textList, textMap } from '../../entry/shape.ts'

/** A value as a client gets it. */
export interface Item {
  readonly key: string
  readonly flags: number
  /** Its length. */
  readonly bytes: number
  /** Its text, as far as it is kept. */
  readonly value: string
  /** "" where it was not asked for. */
  readonly cas: string
}

export const requestShape = object('A command', {
  protocol: text('text, also for meta commands, or binary'),
  command: text(
    'Name as in the text protocol, also of a binary one: get, gets, gat, set, add, replace, append, prepend, cas, delete, incr, decr, touch, mg, ms, md, ma, stats, version …',
  ),
  key: text('The key, or the first of several'),
  keys: textList('All keys'),
  flags: number('Of the value to be stored'),
  exptime: number('When it expires, as it was sent: seconds from now, or since 1970'),
  bytes: number('Length of the value to be stored'),
  value: ofBody(text('The value to be stored, when bodies are kept: UTF-8, or a character a byte')),
  cas: text('What the value must not have changed since, as a number; "" when nothing'),
  delta: text('Of incr and decr: by how much; else ""'),
  initial: text('Of a binary incr or decr: the value when there is none; else ""'),
  noreply: flag('No reply is wanted, or only where there is something to tell (quiet commands)'),
  args: textList('Words behind the command, as they were sent; none of a binary one'),
  opcode: text('Name of a binary command: Get, GetKQ, Set …; else ""'),
  opaque: text('What the reply repeats; "" where nothing is'),
  incomplete: flag('Part of it was not captured'),
})

export const responseShape = object('A reply', {
  protocol: text('text or binary'),
  status: text(
    'First word of it: STORED, END, HD, NOT_FOUND, ERROR …, or what the number of a binary one means: Success, Key not found …',
  ),
  statusCode: number('Of a binary reply, 0 = success; else 0'),
  success: flag('It is no error; that something is not there, or was not stored, is none'),
  error: text('What an error says; else ""'),
  value: ofBody(text('First value, new number of an incr or decr, version')),
  values: ofBody(
    list<Item>(
      'Values, with their text when bodies are kept',
      '{ key: string; flags: number; bytes: number; value: string; cas: string }[]',
    ),
  ),
  hits: number('How many there are'),
  cas: text('Version of what was stored or read, as a number; "" where it is not told'),
  stats: textMap('What stats answers'),
  args: textList('Words behind the status, as they were sent: flags of meta commands; none of a binary one'),
  opcode: text('Name of the binary command that it answers; else ""'),
  opaque: text('What was sent with the request; "" where nothing was'),
  incomplete: flag('Part of it was not captured'),
})
