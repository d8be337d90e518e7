export interface QueueLimits<Item> {
  readonly mostItems: number
  readonly mostSize: number
  readonly sizeOf: (item: Item) => number
}

/** What waits for somebody, within limits of number and size: beyond them the oldest go. The newest always has a place. */
export class BoundedQueue<Item extends object | string | number> {
  readonly #limits: QueueLimits<Item>
  #items: (Item | undefined)[] = []
  /** What is before it in `items` is gone: moving all others up for each one would take long. */
  #first = 0
  #size = 0

  constructor(limits: QueueLimits<Item>) {
    this.#limits = limits
  }

  get length(): number {
    return this.#items.length - this.#first
  }

  /** Answers those that had to go for it, oldest first. */
  push(item: Item): readonly Item[] {
    const { mostItems, mostSize, sizeOf } = this.#limits
    this.#items.push(item)
    this.#size += sizeOf(item)
    let over = 0
    for (let size = this.#size; this.#isOver(over, size, mostItems, mostSize); over++)
      size -= this.#sizeAt(this.#first + over)
    return over === 0 ? NONE : this.shift(over)
  }

  /** The oldest, which stay. */
  peek(most: number): Item[] {
    return this.#items.slice(this.#first, this.#first + most).filter((item) => item !== undefined)
  }

  /** The oldest, which go. */
  shift(count = this.length): Item[] {
    const gone = this.peek(count)
    this.#first += gone.length
    for (const item of gone) this.#size -= this.#limits.sizeOf(item)
    if (this.#first > this.#items.length / 2) this.#moveUp()
    // They would be held on to until then.
    else this.#items.fill(undefined, this.#first - gone.length, this.#first)
    return gone
  }

  /** Only these stay. */
  keep(isKept: (item: Item) => boolean): void {
    const kept = this.peek(this.length).filter(isKept)
    this.#items = kept
    this.#first = 0
    this.#size = kept.reduce((sum, item) => sum + this.#limits.sizeOf(item), 0)
  }

  #isOver(gone: number, size: number, mostItems: number, mostSize: number): boolean {
    const left = this.length - gone
    return left > 1 && (left > mostItems || size > mostSize)
  }

  #sizeAt(place: number): number {
    const item = this.#items[place]
    return item === undefined ? 0 : this.#limits.sizeOf(item)
  }

  #moveUp(): void {
    this.#items = this.#items.slice(this.#first)
    this.#first = 0
  }
}

const NONE: readonly never[] = []
