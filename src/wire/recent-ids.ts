/** Identities of lines that came lately, also of those that are not kept any more. */
export class RecentIds {
  readonly #most: number
  readonly #ids = new Set<string>()

  /** How many are remembered. */
  constructor(most: number) {
    this.#most = most
  }

  /** Whether it is new. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false
    this.#ids.add(id)
    if (this.#ids.size > this.#most) this.#forget()
    return true
  }

  /** Many at once: finding the first of a set takes as long as many were deleted before it. */
  #forget(): void {
    let left = this.#most / 10
    for (const id of this.#ids) {
      if (left-- === 0) return
      this.#ids.delete(id)
    }
  }
}
