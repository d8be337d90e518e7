import { type Octets, textOf } from '../../bytes/octets.ts'
import { type Details, Request } from './messages.ts'

/** A command in the text protocol, of which `length` bytes of data are still to come; −1 = none. */
export interface TextCommand {
  readonly request: Request
  readonly length: number
  /** There is no reply to it. */
  readonly isSilent: boolean
}

/** Reads a line, given without its end. What does not fit its command is a request all the same: the server says so. */
export function readCommand(line: Octets): TextCommand {
  const [command = '', ...args] = textOf(line)
    .split(' ')
    .filter((word) => word !== '')
  const form = FORMS.get(command)
  if (form === undefined) {
    const request = new Request('text', command, { args })
    return { request, length: -1, isSilent: command === 'quit' }
  }
  const isSilent = MAY_BE_SILENT.has(command) && args.at(-1) === 'noreply'
  const { length = -1, ...details } = form(isSilent ? args.slice(0, -1) : args)
  const noreply = isSilent || details.noreply === true
  return { request: new Request('text', command, { ...details, args, noreply }), length, isSilent }
}

type Form = (args: readonly string[]) => Details & { readonly length?: number }

/** set <key> <flags> <exptime> <bytes> [noreply], then the data */
const store: Form = ([key = '', flags, exptime, bytes, cas]) => {
  const length = lengthOf(bytes)
  const details = {
    keys: [key],
    flags: numberOf(flags),
    exptime: numberOf(exptime),
    bytes: Math.max(length, 0),
  }
  return cas === undefined ? { ...details, length } : { ...details, cas, length }
}
const retrieve: Form = (keys) => ({ keys })
const retrieveAndTouch: Form = ([exptime, ...keys]) => ({ keys, exptime: numberOf(exptime) })
const ofKey: Form = ([key]) => (key === undefined ? {} : { keys: [key] })
const count: Form = ([key = '', delta = '']) => ({ keys: [key], delta })

/** mg <key> <flags>: each a letter, with a value behind it. `q` asks for no reply where all went as expected. */
const meta: Form = ([key = '', ...flags]) => {
  const flag = (letter: string) => flags.find((each) => each[0] === letter)?.slice(1)
  return {
    keys: [key],
    noreply: flag('q') !== undefined,
    opaque: flag('O') ?? '',
    cas: flag('C') ?? '',
    delta: flag('D') ?? '',
    initial: flag('J') ?? '',
    flags: numberOf(flag('F')),
    exptime: numberOf(flag('T')),
  }
}
/** ms <key> <bytes> <flags>, then the data */
const metaStore: Form = ([key = '', bytes, ...flags]) => {
  const length = lengthOf(bytes)
  return { ...meta([key, ...flags]), bytes: Math.max(length, 0), length }
}

/** The commands of memcached 1.6 that have arguments, or may be sent without wanting a reply. */
const FORMS: ReadonlyMap<string, Form> = new Map(
  Object.entries<Form>({
    set: store,
    add: store,
    replace: store,
    append: store,
    prepend: store,
    cas: store,
    get: retrieve,
    gets: retrieve,
    gat: retrieveAndTouch,
    gats: retrieveAndTouch,
    delete: ofKey,
    incr: count,
    decr: count,
    touch: ([key = '', exptime]) => ({ keys: [key], exptime: numberOf(exptime) }),
    mg: meta,
    ms: metaStore,
    md: meta,
    ma: meta,
    me: ofKey,
    flush_all: ([exptime]) => ({ exptime: numberOf(exptime) }),
    verbosity: () => ({}),
  }),
)

/** Commands that heed `noreply`. */
const MAY_BE_SILENT: ReadonlySet<string> = new Set(
  'set add replace append prepend cas delete incr decr touch flush_all verbosity'.split(' '),
)

function numberOf(text: string | undefined): number {
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : 0
}

/** Of data; −1 when that is no length, and the server reads the next line as a command. */
function lengthOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) <= LONGEST_DATA ? Number(text) : -1
}

/** The largest item that can be configured. */
const LONGEST_DATA = 1 << 30
