/**
 * What the agents of a component share on `this`. The values belong to their realms, but text belongs to none: it is
 * put down to whoever put it there.
 */
export class SharedObject<Owner> {
  readonly #properties = new Map<PropertyKey, { owner: Owner; value: unknown; bytes: number }>()
  readonly #bytes = new Map<Owner, number>()

  has(key: PropertyKey): boolean {
    return this.#properties.has(key)
  }

  get(key: PropertyKey): unknown {
    return this.#properties.get(key)?.value
  }

  set(owner: Owner, key: PropertyKey, value: unknown): void {
    const before = this.#properties.get(key)
    const bytes = PROPERTY_BYTES + (typeof key === 'string' ? key.length : 0) + lengthOf(value)
    if (before === undefined) {
      this.#properties.set(key, { owner, value, bytes })
    } else {
      this.#add(before.owner, -before.bytes)
      before.owner = owner
      before.value = value
      before.bytes = bytes
    }
    this.#add(owner, bytes)
  }

  delete(key: PropertyKey): void {
    const before = this.#properties.get(key)
    if (before === undefined) return
    this.#properties.delete(key)
    this.#add(before.owner, -before.bytes)
  }

  /** Names, without symbols, in the order in which they came. */
  keys(): string[] {
    return [...this.#properties.keys()].filter((key) => typeof key === 'string')
  }

  /** About what the properties of an owner hold beside objects. */
  bytesOf(owner: Owner): number {
    return this.#bytes.get(owner) ?? 0
  }

  /** Deletes all that an owner has put here. */
  forget(owner: Owner): void {
    for (const [key, property] of this.#properties) if (property.owner === owner) this.delete(key)
  }

  #add(owner: Owner, bytes: number): void {
    this.#bytes.set(owner, this.bytesOf(owner) + bytes)
  }
}

function lengthOf(value: unknown): number {
  return typeof value === 'string' ? value.length : 0
}

const PROPERTY_BYTES = 100
