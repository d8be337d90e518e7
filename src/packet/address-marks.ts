import { addressWords } from './address.ts'
import type { Packet } from './packet.ts'

/** Marks on addresses: looked up for both ends of every packet, so without a text. */
export class AddressMarks {
  readonly #v4 = new Map<number, number>()
  /** By their last word, in which addresses of one network differ. */
  readonly #v6 = new Map<number, Marked[]>()

  /** 0 takes the mark away. What is no address is left alone. */
  set(address: string, mark: number): void {
    const words = addressWords(address)
    if (words === undefined) return
    if (address.includes(':')) this.#setV6(words, mark)
    else if (mark === 0) this.#v4.delete(words[0])
    else this.#v4.set(words[0], mark)
  }

  clear(): void {
    this.#v4.clear()
    this.#v6.clear()
  }

  /** 0 = none. Of ARP, the mark of the IPv4 address that it says. */
  ofSource({ ipVersion, src0, src1, src2, src3 }: SourceOf): number {
    return ipVersion === 6 ? this.#ofV6(src0, src1, src2, src3) : (this.#v4.get(src0) ?? 0)
  }

  ofDestination({ ipVersion, dst0, dst1, dst2, dst3 }: DestinationOf): number {
    return ipVersion === 6 ? this.#ofV6(dst0, dst1, dst2, dst3) : (this.#v4.get(dst0) ?? 0)
  }

  #ofV6(word0: number, word1: number, word2: number, word3: number): number {
    const alike = this.#v6.get(word3)
    if (alike === undefined) return 0
    return alike.find(({ words: [a, b, c] }) => a === word0 && b === word1 && c === word2)?.mark ?? 0
  }

  #setV6(words: Marked['words'], mark: number): void {
    const others = (this.#v6.get(words[3]) ?? []).filter((each) => each.words.join() !== words.join())
    if (mark !== 0) others.push({ words, mark })
    if (others.length === 0) this.#v6.delete(words[3])
    else this.#v6.set(words[3], others)
  }
}

type SourceOf = Pick<Packet, 'ipVersion' | 'src0' | 'src1' | 'src2' | 'src3'>
type DestinationOf = Pick<Packet, 'ipVersion' | 'dst0' | 'dst1' | 'dst2' | 'dst3'>

interface Marked {
  readonly words: readonly [number, number, number, number]
  readonly mark: number
}
