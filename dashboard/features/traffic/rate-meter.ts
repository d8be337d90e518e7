/** How many came in each of the last seconds. */
export class RateMeter {
  readonly #seconds: number
  readonly #counts: number[]
  #latest = 0

  constructor(seconds = 60) {
    this.#seconds = seconds
    this.#counts = new Array<number>(seconds).fill(0)
  }

  add(count: number, nowMs: number): void {
    this.#goOn(Math.floor(nowMs / 1000))
    const at = this.#latest % this.#seconds
    this.#counts[at] = (this.#counts[at] ?? 0) + count
  }

  /** Of whole seconds, oldest first: the one that is not over yet is not among them. */
  history(nowMs: number): readonly number[] {
    this.#goOn(Math.floor(nowMs / 1000))
    return Array.from(
      { length: this.#seconds - 1 },
      (_, at) => this.#counts[(this.#latest + 1 + at) % this.#seconds] ?? 0,
    )
  }

  clear(): void {
    this.#counts.fill(0)
  }

  #goOn(second: number): void {
    const from = Math.max(this.#latest + 1, second - this.#seconds + 1)
    for (let at = from; at <= second; at++) this.#counts[at % this.#seconds] = 0
    this.#latest = Math.max(this.#latest, second)
  }
}
