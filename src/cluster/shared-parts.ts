/**
 * Parts of objects that many have alike, such as the labels of all pods of a deployment, once in memory. So many are remembered;
 * then it begins anew, and what is shared already stays so.
 */
export class SharedParts {
  readonly #most: number
  readonly #parts = new Map<string, object>()

  constructor(most = MOST_PARTS) {
    this.#most = most
  }

  /** The first one of the same JSON: nobody may change it. */
  of<Part extends object>(part: Part): Part {
    const text = JSON.stringify(part)
    if (text.length > LONGEST_PART) return part
    const before = this.#parts.get(text)
    // Of the same text, and so of the same shape.
    if (before !== undefined) return before as Part
    if (this.#parts.size >= this.#most) this.#parts.clear()
    this.#parts.set(text, part)
    return part
  }
}

const MOST_PARTS = 4096
const LONGEST_PART = 1024
