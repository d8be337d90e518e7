import { CAPTURE_MARK } from '../http/capture-mark.ts'
import { type ContentKind, kindOf } from '../http/content-kind.ts'
import type { Field } from '../http/head.ts'
import { HttpRequest, HttpResponse } from '../http/messages.ts'
import { hostOf } from '../http/target.ts'

/** A head as a list of fields. Pseudo-headers such as `:path` are among them. */
export class FieldHead {
  /** Set by the parser when they have come. */
  trailers: readonly Field[] = []
  readonly #received: readonly Field[]
  #fields: readonly Field[] | undefined

  constructor(received: readonly Field[]) {
    this.#received = received
  }

  find(name: string): string {
    for (const field of this.#received) if (field.name === name) return field.value
    return ''
  }

  get kind(): ContentKind {
    return kindOf(this.find('content-type'))
  }

  get isMarked(): boolean {
    return this.find(CAPTURE_MARK) !== ''
  }

  get fields(): readonly Field[] {
    this.#fields ??= withoutCrumbs(this.#received)
    return this.#fields
  }
}

/** What the peers have not said, or the capture does not show, is "" or 0, and the message `incomplete`. */
export class Http2Request extends HttpRequest<FieldHead> {
  get method(): string {
    return this.header(':method')
  }

  get url(): string {
    return this.header(':path') || (this.method === 'CONNECT' ? this.header(':authority') : '')
  }

  get httpVersion(): string {
    return VERSION
  }

  override get authority(): string | undefined {
    return hostOf(this.header(':authority') || this.header('host'))
  }
}

export class Http2Response extends HttpResponse<FieldHead> {
  get status(): number {
    const status = this.header(':status')
    return STATUS.test(status) ? Number(status) : 0
  }

  /** HTTP/2 has none. */
  get statusText(): string {
    return ''
  }

  get httpVersion(): string {
    return VERSION
  }

  /** Where nothing else is known of a reply, its status shows it. */
  override get isGrpc(): boolean {
    return super.isGrpc || (this.header('content-type') === '' && this.grpcTrailer('grpc-status') !== '')
  }
}

/** RFC 9113 §8.2.3: cookies may come one by one, so that the table has those that stay the same. */
function withoutCrumbs(received: readonly Field[]): readonly Field[] {
  const first = received.findIndex(isCookie)
  if (first < 0 || !received.slice(first + 1).some(isCookie)) return received
  const value = received
    .filter(isCookie)
    .map((field) => field.value)
    .join('; ')
  return received.flatMap((field, at) =>
    at === first ? [{ name: field.name, value }] : isCookie(field) ? [] : [field],
  )
}

function isCookie({ name }: Field): boolean {
  return name === 'cookie'
}

const VERSION = 'HTTP/2.0'
const STATUS = /^\d{3}$/
