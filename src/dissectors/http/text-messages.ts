import { readable, trimmed } from './characters.ts'
import { mayBeInQuery } from './graphql.ts'
import { type HeadReader, TextHead, VERSION_LENGTH } from './head.ts'
import { HttpRequest, HttpResponse } from './messages.ts'

/** A request of HTTP/1: its head is text, of which only what somebody asks for is read. */
export class TextRequest extends HttpRequest<TextHead> {
  readonly #versionAt: number

  constructor(head: HeadReader, versionAt: number) {
    super(new TextHead(head))
    this.#versionAt = versionAt
  }

  get method(): string {
    const { text } = this.head
    return text.slice(0, text.indexOf(' '))
  }

  get url(): string {
    const { text } = this.head
    return readable(trimmed(text, text.indexOf(' '), this.#versionAt))
  }

  get httpVersion(): string {
    return versionAt(this.head.text, this.#versionAt)
  }

  override get isPost(): boolean {
    return this.head.text.startsWith('POST ')
  }

  /** The names of a query are nearly always written as they are. */
  override mayAskFor(name: string): boolean {
    return this.#query.includes(name) || this.#query.includes('%')
  }

  /** As written, with what comes before the version. */
  get #query(): string {
    if (this.#writtenQuery === undefined) {
      const { text } = this.head
      // From behind: the line is short, and the head is not.
      const isThere = text.lastIndexOf('?', this.#versionAt) >= 0
      this.#writtenQuery = isThere ? text.slice(text.indexOf('?'), this.#versionAt) : ''
    }
    return this.#writtenQuery
  }
  #writtenQuery: string | undefined

  protected override get mayAskInTarget(): boolean {
    return mayBeInQuery(this.#query)
  }
}

export class TextResponse extends HttpResponse<TextHead> {
  readonly #lineEnd: number

  constructor(head: HeadReader) {
    super(new TextHead(head))
    this.#lineEnd = head.lineEnd
  }

  get status(): number {
    return Number(this.head.text.slice(9, 12))
  }

  get statusText(): string {
    return readable(trimmed(this.head.text, 12, this.#lineEnd))
  }

  get httpVersion(): string {
    return versionAt(this.head.text, 0)
  }
}

function versionAt(text: string, at: number): string {
  const minor = text[at + VERSION_LENGTH - 1]
  return minor === '1' ? 'HTTP/1.1' : minor === '0' ? 'HTTP/1.0' : trimmed(text, at, at + VERSION_LENGTH)
}
