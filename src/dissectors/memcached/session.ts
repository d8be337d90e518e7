import { type Answer, type Asked, Exchanges, NO_REQUEST } from '../../dissect/exchanges.ts'
import type { Exchange } from '../../entry/entry.ts'
import { canAnswer, isEvident, isNamed } from './answers.ts'
import type { Reply, Request } from './messages.ts'

/** A command that was sent. */
type Sent = Asked<Request, Reply>

/** What waits for a reply on a connection. Replies come in the order of the commands; quiet ones may have none. */
export class Session extends Exchanges<Request, Reply, Sent> {
  /** `watch`: the server sends what it logs. */
  isWatched = false
  /** A reply came that may be to any of several commands. */
  #isUncertain = false
  /** Replies to commands that were given up. */
  #disowned = 0
  /** Looks beyond the next commands that are left: replies that fit nothing must not take time for all that wait. */
  #farLooks = 0

  /** `head` is how long the command is without its value. */
  ask(message: Request, size: number, head: number, since: Sent['since']): void {
    const { heard } = this.place
    const kept = message.kept + Math.max(LEAST_KEPT, head * WORDS)
    this.#farLooks = Math.min(this.#farLooks + FAR_LOOKS, MOST_FAR_LOOKS)
    this.wait({ message, size, since, kept, heard, reached: heard, answer: undefined })
    if (this.asked.length <= MOST_ASKED && this.askedBytes <= LARGEST_ASKED) return
    for (let index = 0; index < this.asked.length; index++)
      if (!isQuiet(this.asked.at(index))) this.#disowned++
    this.giveUp(this.asked.length)
  }

  /** The server has said `reply`, which begins at `position` of its stream. */
  reply(reply: Reply, size: number, since: Sent['since'], position: number): void {
    const answer: Answer<Reply> = { message: reply, size, since }
    const asked = this.#answered(reply, position)
    if (asked === undefined) {
      if (this.#disowned > 0) this.#disowned--
      this.complete(null, answer, NO_REQUEST)
      return
    }
    this.isTorn = false
    this.takeFirst()
    if (asked.message.command === 'watch' && reply.success) this.isWatched = true
    this.complete(asked, answer, null)
  }

  /** The connection ends as it should: what was to be answered only in case of need, was not. */
  settle(): void {
    while (this.first !== undefined && isQuiet(this.first)) this.giveUp(1)
  }

  protected override unanswered(asked: Sent): Exchange['error'] {
    if (isQuiet(asked)) return null
    return this.#isUncertain ? UNCERTAIN : super.unanswered(asked)
  }

  #answered(reply: Reply, position: number): Sent | undefined {
    if (this.isShaky) this.passOver(position)
    const { first } = this
    if (first === undefined || this.#disowned > 0 || (this.isShaky && first.heard > position))
      return undefined
    const index = this.#find(reply, position)
    if (index < 0) return undefined
    if (!this.isSure(this.asked.at(index), position) && !isEvident(reply)) return undefined
    this.giveUp(index)
    this.#isUncertain = false
    return this.first
  }

  /** Only a quiet command can be passed over, unless replies may have been lost, or taken for others. */
  #find(reply: Reply, position: number): number {
    const isLoose = this.isShaky || this.#isUncertain
    const fits = ({ message, heard }: Sent) =>
      (!this.isShaky || heard <= position) && canAnswer(reply, message)
    const index = this.#look(fits, isLoose)
    if (index < 0)
      return isLoose || reply.protocol === 'binary' ? -1 : this.#look((each) => !isQuiet(each), false)
    const found = this.asked.at(index)
    if (isNamed(reply) || (!isQuiet(found) && !this.#isUncertain)) return index
    // Any of several may be meant, when some of them can be passed over.
    const other = this.#look((each) => each !== found && fits(each), isLoose)
    if (other < 0) return index
    this.#isUncertain = true
    return -1
  }

  /** Where the first is that fits; −1 when there is none behind those that can be passed over, loosely or only the quiet. */
  #look(fits: (sent: Sent) => boolean, isLoose: boolean): number {
    for (let index = 0; index < this.asked.length; index++) {
      const isNear = index < NEAR
      if (!isNear && this.#farLooks === 0) return -1
      if (!isNear) this.#farLooks--
      const sent = this.asked.at(index)
      if (fits(sent)) return index
      if (!isQuiet(sent) && !(isLoose && isNear)) return -1
    }
    return -1
  }
}

/** Is answered only where there is something to tell. */
function isQuiet({ message }: Sent): boolean {
  return message.noreply
}

const UNCERTAIN = { type: 'pair-not-found', msg: 'one of several replies may be to it' } as const
/** As many commands any reply is compared with. Behind them only quiet ones are passed over, … */
const NEAR = 256
/** … with so many looks for each command that was sent: those that find something take no more than one. */
const FAR_LOOKS = 8
const MOST_FAR_LOOKS = 1 << 20
/** What a command takes beside its value: its words are short, so that each takes many times its length. */
const LEAST_KEPT = 256
const WORDS = 8
/** Commands that wait for replies, and bytes that are kept of them; more, and all are given up. */
const MOST_ASKED = 65536
const LARGEST_ASKED = 16 << 20
