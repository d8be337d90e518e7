import { textOf } from './emptied.ts'
import type { Entry, EntryOrigin, EntryProtocol, Exchange } from './entry.ts'
import { type LayoutField, layoutsOf } from './layout.ts'

/** Writes entries as JSON: all that agents could see of them, in the order of the schema. */
export class EntryTexts {
  readonly #origin: EntryOrigin
  /** Fields of each variant of a protocol. */
  readonly #fields = new Map<EntryProtocol, readonly (readonly LayoutField[])[]>()

  constructor(protocols: readonly EntryProtocol[], origin: EntryOrigin) {
    this.#origin = origin
    for (const protocol of protocols)
      this.#fields.set(
        protocol,
        layoutsOf(protocol, ALL).map(({ fields }) => fields),
      )
  }

  of(exchange: Exchange): string {
    const fields = this.#fields.get(exchange.dissector)?.[exchange.variant] as readonly LayoutField[]
    return textOf((entry: Entry) => JSON.stringify(plain(fields, entry)), exchange, this.#origin)
  }
}

function plain(fields: readonly LayoutField[], value: object): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const field of fields) {
    if (field.kind === 'constant') {
      copy[field.name] = field.value
      continue
    }
    const inner = (value as Record<string, unknown>)[field.name]
    copy[field.name] = field.kind === 'leaf' || inner === null ? inner : plain(field.fields, inner as object)
  }
  return copy
}

const ALL: ReadonlySet<string> = new Set(['*'])
