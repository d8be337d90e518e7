import { latin1, textOf } from '../../bytes/text.ts'
import { inlineWords } from './inline.ts'
import { withoutSecrets } from './secrets.ts'
import type { ServerEvent } from './session.ts'
import { printFew, printValue, type RespValue, readStrings, readValue } from './value.ts'
import { CR } from './walker.ts'

/** A command: an array of strings. All but its name is read when somebody asks for it. */
export class Command {
  readonly type: string = 'Array'
  readonly command: string
  readonly #wire: Uint8Array
  #args: readonly string[] | undefined

  constructor(wire: Uint8Array) {
    this.#wire = wire
    this.command = nameIn(wire).toUpperCase()
  }

  get key(): string {
    return this.args[0] ?? ''
  }
  get value(): string {
    return printFew(this.args.slice(1))
  }
  get keyword(): string {
    return ''
  }
  get args(): readonly string[] {
    this.#args ??= withoutSecrets(this.command, readStrings(this.#wire).slice(1))
    return this.#args
  }
}

/** A command typed as a line, given without its end. */
export class InlineCommand {
  readonly type: string = 'N/A'
  readonly command: string
  readonly keyword: string = ''
  readonly args: readonly string[]

  constructor(line: Uint8Array) {
    const [name = '', ...args] = inlineWords(textOf(line, 0, line.length))
    this.command = name.toUpperCase()
    this.args = withoutSecrets(this.command, args)
  }

  get key(): string {
    return this.args[0] ?? ''
  }
  get value(): string {
    return printFew(this.args.slice(1))
  }
}

/** A reply, or what the server sent unasked. All of it is read when somebody asks for it. */
export class Reply {
  readonly #wire: Uint8Array
  readonly #event: ServerEvent | undefined
  #read: RespValue | undefined

  constructor(wire: Uint8Array, event: ServerEvent | undefined) {
    this.#wire = wire
    this.#event = event
  }

  get type(): string {
    return this.#whole.type
  }
  /** Of a pub/sub message its kind: MESSAGE, SUBSCRIBE … Of a command for a replica its name. */
  get command(): string {
    return this.#event?.name ?? ''
  }
  /** … and its channel, pattern or key. */
  get key(): string {
    const channel = this.#event?.items[1]
    return channel === undefined ? '' : printValue(channel)
  }
  get value(): string {
    if (this.#event !== undefined) return printFew(this.#event.items.slice(2).map(printValue))
    return printValue(this.#whole)
  }
  get keyword(): string {
    const { type, text } = this.#whole
    if (type !== 'Simple String' && !isError(type)) return ''
    return /^[A-Za-z][A-Za-z0-9_]*/.exec(text)?.[0].toUpperCase() ?? ''
  }
  get error(): string {
    return isError(this.#whole.type) ? this.#whole.text : ''
  }

  get #whole(): RespValue {
    this.#read ??= readValue(this.#wire)
    return this.#read
  }
}

function isError(type: string): boolean {
  return type === 'Error' || type === 'Bulk Error'
}

/** The first word: `GET` of `*2 $3 GET $1 a`. Read by hand, since every command pays for it. */
function nameIn(wire: Uint8Array): string {
  const header = afterLine(wire, 0)
  const start = afterLine(wire, header)
  let end = start
  while (end < wire.length && wire[end] !== CR) end++
  return latin1(wire, start, end)
}

function afterLine(wire: Uint8Array, start: number): number {
  let at = start
  while (at < wire.length && wire[at] !== CR) at++
  return at + 2
}
