/** First in, first out, without moving what waits. */
export class Queue<T> {
  #items: (T | undefined)[] = []
  #head = 0
  #tail = 0

  get length(): number {
    return this.#tail - this.#head
  }

  get first(): T | undefined {
    return this.#head < this.#tail ? this.#items[this.#head] : undefined
  }

  at(index: number): T {
    return this.#items[this.#head + index] as T
  }

  push(item: T): void {
    this.#items[this.#tail++] = item
  }

  shift(): T | undefined {
    if (this.#head === this.#tail) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head === this.#tail) {
      // The places stay: most queues are empty after each reply, and V8 would give away the memory.
      if (this.#tail > LONGEST_TAIL) this.#items = []
      this.#head = this.#tail = 0
    } else if (this.#head > LONGEST_TAIL && this.#head > this.length) {
      this.#items = this.#items.slice(this.#head, this.#tail)
      this.#tail -= this.#head
      this.#head = 0
    }
    return item
  }

  /** Where the first is that fits; −1 when it is not among the next ones, or when one comes before that is not to be passed. */
  find(fits: (item: T) => boolean, isLast: (item: T) => boolean = never): number {
    for (let index = 0; index < Math.min(this.length, FARTHEST_LOOK); index++) {
      if (fits(this.at(index))) return index
      if (isLast(this.at(index))) return -1
    }
    return -1
  }
}

const never = () => false
/** As many are looked at. */
const FARTHEST_LOOK = 256
/** Places of what is gone that are kept. */
const LONGEST_TAIL = 1024
