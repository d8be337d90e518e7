import { u8 } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'

/**
 * The string in `bytes[start, end)` in the Huffman code of HPACK (RFC 7541 §5.2), a character an octet; undefined when it
 * is none: EOS in it, or wrong padding. Goes by half a byte: no code is shorter than five bits, so each ends one symbol at
 * most.
 */
export function readHuffman(bytes: Uint8Array, start: number, end: number): string | undefined {
  const steps = huffmanSteps()
  const most = (end - start) * MOST_SYMBOLS_PER_BYTE
  const text = most <= SCRATCH.length ? SCRATCH : Buffer.allocUnsafe(most)
  let step = ENDS
  let length = 0
  for (let at = start; at < end; at++) {
    const byte = u8(bytes, at)
    step = steps[(step & STATE) * 16 + (byte >> 4)] as number
    if ((step & EMITS) !== 0) text[length++] = step >> SYMBOL_SHIFT
    const isBroken = (step & FAILS) !== 0
    step = steps[(step & STATE) * 16 + (byte & 15)] as number
    if ((step & EMITS) !== 0) text[length++] = step >> SYMBOL_SHIFT
    if (isBroken || (step & FAILS) !== 0) return undefined
  }
  return (step & ENDS) === 0 ? undefined : latin1(text, 0, length)
}

/**
 * State × half a byte → next state (8 bits), whether a symbol ends (EMITS) and which (from SYMBOL_SHIFT on), whether
 * the string may end here (ENDS), and whether it is broken (FAILS). A state is a node within the tree of codes; built when
 * the first string is read.
 */
let table: Uint32Array | undefined

function huffmanSteps(): Uint32Array {
  table ??= buildSteps(buildTree())
  return table
}

/** A node of the tree: its children, the other nodes by number or a symbol as `~symbol`. */
interface Node {
  readonly children: [number, number]
  /** Nothing but ones leads here, and few enough to be padding: seven bits at most (RFC 7541 §5.2). */
  readonly isPadding: boolean
}

/** The code is canonical: among codes of one length the symbols ascend, and shorter codes come before longer ones. */
function buildTree(): readonly Node[] {
  const nodes: Node[] = [{ children: [0, 0], isPadding: true }]
  let code = 0
  for (let length = 1; length <= LONGEST_CODE; length++) {
    for (let symbol = 0; symbol < CODE_LENGTHS.length; symbol++)
      if (CODE_LENGTHS[symbol] === length) place(nodes, code++, length, symbol)
    code *= 2
  }
  return nodes
}

function place(nodes: Node[], code: number, length: number, symbol: number): void {
  let at = 0
  for (let bit = length - 1; bit > 0; bit--) {
    const way = (code >>> bit) & 1
    const { children, isPadding } = nodes[at] as Node
    if (children[way] === 0) {
      children[way] = nodes.length
      nodes.push({ children: [0, 0], isPadding: isPadding && way === 1 && length - bit <= LONGEST_PADDING })
    }
    at = children[way] as number
  }
  ;(nodes[at] as Node).children[code & 1] = ~symbol
}

function buildSteps(nodes: readonly Node[]): Uint32Array {
  const steps = new Uint32Array(nodes.length * 16)
  for (let state = 0; state < nodes.length; state++)
    for (let half = 0; half < 16; half++) steps[state * 16 + half] = stepFrom(nodes, state, half)
  return steps
}

function stepFrom(nodes: readonly Node[], state: number, half: number): number {
  let at = state
  let emitted = 0
  for (let bit = 3; bit >= 0; bit--) {
    const next = (nodes[at] as Node).children[(half >> bit) & 1] as number
    at = Math.max(next, 0)
    if (next >= 0) continue
    if (~next === EOS) return FAILS
    emitted = EMITS | (~next << SYMBOL_SHIFT)
  }
  return at | emitted | ((nodes[at] as Node).isPadding ? ENDS : 0)
}

/** Most strings fit. */
const SCRATCH = Buffer.alloc(4096)
const STATE = 0xff
const EMITS = 0x100
const ENDS = 0x200
const FAILS = 0x400
const SYMBOL_SHIFT = 16
const EOS = 256
const MOST_SYMBOLS_PER_BYTE = 2
const LONGEST_CODE = 30
const LONGEST_PADDING = 7
/** Bits of the code of each octet, and of EOS (RFC 7541 appendix B). */
const CODE_LENGTHS: readonly number[] = [
  ...[13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  ...[28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  ...[6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  ...[5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  ...[13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  ...[7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  ...[15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  ...[6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  ...[20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  ...[24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  ...[22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  ...[21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  ...[26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  ...[19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  ...[20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  ...[26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
  30,
]
