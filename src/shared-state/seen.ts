import { isRecord } from './value.ts'

/**
 * Which numbered messages of which senders are in a value already, so that one that comes twice counts once. Of each sender it
 * knows the last `MOST_NUMBERS`, and takes what is below them for seen: numbers grow, and those that overtake each other are
 * near. Of more than `MOST_SENDERS` the one that was silent for longest is forgotten.
 */
export class Seen {
  readonly #senders = new Map<string, number[]>()

  has(sender: string, number: number): boolean {
    const numbers = this.#senders.get(sender)
    if (numbers === undefined) return false
    const isOld = numbers.length === MOST_NUMBERS && number < (numbers[0] as number)
    return isOld || numbers.includes(number)
  }

  add(sender: string, number: number): void {
    if (this.has(sender, number)) return
    const numbers = [...(this.#senders.get(sender) ?? []), number].sort((a, b) => a - b)
    // Behind all others: the first one goes first.
    this.#senders.delete(sender)
    this.#senders.set(sender, numbers.slice(-MOST_NUMBERS))
    const [oldest] = this.#senders.keys()
    if (this.#senders.size > MOST_SENDERS && oldest !== undefined) this.#senders.delete(oldest)
  }

  merge(others: Seen): void {
    for (const [sender, numbers] of others.#senders) for (const number of numbers) this.add(sender, number)
  }

  toJSON(): Record<string, number[]> {
    return Object.fromEntries(this.#senders)
  }
}

/** Undefined when it cannot be what `toJSON` has made. */
export function readSeen(json: unknown): Seen | undefined {
  if (!isRecord(json)) return undefined
  const senders = Object.entries(json)
  if (senders.length > MOST_SENDERS) return undefined
  const seen = new Seen()
  for (const [sender, numbers] of senders) {
    if (sender.length > LONGEST_SENDER || !Array.isArray(numbers) || numbers.length > MOST_NUMBERS)
      return undefined
    for (const number of numbers as unknown[])
      if (Number.isSafeInteger(number)) seen.add(sender, number as number)
      else return undefined
  }
  return seen
}

export interface MessageId {
  readonly sender: string
  readonly number: number
}

/** `<node>/<boot>/<number>`: who sent it, and which one it is. What has no number is a sender of one message. */
export function readId(id: string): MessageId {
  const [, sender, digits] = /^(.*)\/(\d{1,15})$/s.exec(id) ?? []
  return sender === undefined || sender.length > LONGEST_SENDER
    ? { sender: id.slice(-LONGEST_SENDER), number: 0 }
    : { sender, number: Number(digits) }
}

const MOST_NUMBERS = 16
const MOST_SENDERS = 128
const LONGEST_SENDER = 400
