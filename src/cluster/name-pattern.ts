import { Mistake } from '../mistake/mistake.ts'

/**
 * A regular expression as RE2 has them, matched in time that grows with the length of the text alone, whatever the pattern:
 * all ways through it are followed at once (Thompson's construction, https://swtch.com/~rsc/regexp/regexp1.html). No
 * look-around and no back-references. `^` and `$` are the ends of the text.
 */
export class NamePattern {
  readonly #program: readonly Instruction[]
  /** What all tests so far have taken, the same on every machine. */
  steps = 0

  /** Throws `E_REQUEST`, with the place, when it cannot be read or is too large. */
  constructor(source: string) {
    this.#program = new Reader(source).program()
  }

  /** Whether it matches some part of the text. */
  test(text: string): boolean {
    const program = this.#program
    const characters = [...text]
    let threads: number[] = []
    let seen = new Uint8Array(program.length)
    for (let at = 0; at <= characters.length; at++) {
      // It may begin anywhere.
      if (this.#follow(0, { characters, at, threads, seen })) return true
      const next: number[] = []
      const nextSeen = new Uint8Array(program.length)
      const character = characters[at]
      if (character === undefined) return false
      this.steps += threads.length
      for (const thread of threads) {
        const step = program[thread]
        if (step?.kind !== 'character' || !step.takes(character)) continue
        if (this.#follow(thread + 1, { characters, at: at + 1, threads: next, seen: nextSeen })) return true
      }
      threads = next
      seen = nextSeen
    }
    return false
  }

  /** All that can be reached without a character. True: the end of the pattern can. */
  #follow(first: number, { characters, at, threads, seen }: Position): boolean {
    const stack = [first]
    for (let counter = stack.pop(); counter !== undefined; counter = stack.pop()) {
      this.steps++
      if (seen[counter] === 1) continue
      seen[counter] = 1
      const step = this.#program[counter] as Instruction
      if (step.kind === 'match') return true
      if (step.kind === 'character') threads.push(counter)
      else if (step.kind === 'jump') stack.push(...step.to)
      else if (step.holds(characters, at)) stack.push(counter + 1)
    }
    return false
  }
}

interface Position {
  readonly characters: readonly string[]
  readonly at: number
  readonly threads: number[]
  readonly seen: Uint8Array
}

type Takes = (character: string) => boolean

type Instruction =
  | { readonly kind: 'character'; readonly takes: Takes }
  /** Goes on at each of these. */
  | { readonly kind: 'jump'; readonly to: readonly number[] }
  | { readonly kind: 'place'; readonly holds: (characters: readonly string[], at: number) => boolean }
  | { readonly kind: 'match' }

/** A part of a program; jumps are relative to themselves, so that it can stand anywhere, also several times. */
type Part = readonly Instruction[]

class Reader {
  readonly #source: string
  #at = 0
  #depth = 0
  #folds = false

  constructor(source: string) {
    this.#source = source
    const flags = /^\(\?([ims]+)\)/.exec(source)
    if (flags === null) return
    this.#folds = flags[1]?.includes('i') === true
    this.#at = flags[0].length
  }

  program(): readonly Instruction[] {
    const part = this.#alternatives()
    if (this.#at < this.#source.length) throw this.#wrong('a ) that nothing opens')
    return [...part, MATCH].map((step, at) =>
      step.kind === 'jump' ? { kind: 'jump', to: step.to.map((distance) => at + distance) } : step,
    )
  }

  #alternatives(): Part {
    let part = this.#sequence()
    while (this.#take('|')) part = either(part, this.#sequence())
    return part
  }

  #sequence(): Part {
    let part: Part = []
    while (this.#at < this.#source.length && !'|)'.includes(this.#peek())) {
      part = [...part, ...this.#repeated()]
      this.#limit(part.length)
    }
    return part
  }

  #repeated(): Part {
    let part = this.#atom()
    for (;;) {
      const times = this.#times()
      if (times === undefined) return part
      // Which way is tried first makes no difference to whether there is one.
      this.#take('?')
      const [least, most] = times
      this.#limit(part.length * Math.max(least, most === Number.POSITIVE_INFINITY ? 1 : most))
      part = repeat(part, least, most)
      this.#limit(part.length)
    }
  }

  #times(): readonly [number, number] | undefined {
    if (this.#take('*')) return [0, Number.POSITIVE_INFINITY]
    if (this.#take('+')) return [1, Number.POSITIVE_INFINITY]
    if (this.#take('?')) return [0, 1]
    COUNT.lastIndex = this.#at
    const count = COUNT.exec(this.#source)
    if (count === null) return undefined
    const least = Number(count[1])
    const most =
      count[2] === undefined ? least : count[3] === '' ? Number.POSITIVE_INFINITY : Number(count[3])
    if (least > MOST_TIMES || (most !== Number.POSITIVE_INFINITY && most > MOST_TIMES))
      throw this.#wrong(`more than ${MOST_TIMES} repetitions`)
    if (most < least) throw this.#wrong('a repetition whose ends are the wrong way round')
    this.#at += count[0].length
    return [least, most]
  }

  #atom(): Part {
    const from = this.#at
    const character = this.#next()
    switch (character) {
      case '(':
        return this.#group()
      case '[':
        return [this.#character(this.#set())]
      case '.':
        return [this.#character((each) => each !== '\n')]
      case '^':
        return [place((_, at) => at === 0)]
      case '$':
        return [place((characters, at) => at === characters.length)]
      case '\\':
        return [this.#escaped()]
      case '*':
      case '+':
      case '?':
        this.#at = from
        throw this.#wrong(`nothing in front of ${character}`)
      default:
        return [this.#literal(character)]
    }
  }

  #group(): Part {
    if (++this.#depth > DEEPEST) throw this.#wrong(`more than ${DEEPEST} groups in each other`)
    const opened = this.#at - 1
    if (this.#peek() === '?') {
      GROUP.lastIndex = this.#at
      const head = GROUP.exec(this.#source)
      if (head === null)
        throw this.#wrong(/^\?<?[=!]/.test(this.#source.slice(this.#at)) ? 'look-around' : 'an unknown group')
      this.#at += head[0].length
    }
    const part = this.#alternatives()
    if (!this.#take(')')) {
      this.#at = opened
      throw this.#wrong('a ( that is not closed')
    }
    this.#depth--
    return part
  }

  #escaped(): Instruction {
    if (this.#at >= this.#source.length) throw this.#wrong('a \\ at the end')
    const character = this.#next()
    if (character === 'b') return place(isWordEdge)
    if (character === 'B') return place((characters, at) => !isWordEdge(characters, at))
    if (character === 'A') return place((_, at) => at === 0)
    if (character === 'z') return place((characters, at) => at === characters.length)
    const known = CLASSES[character]
    if (known !== undefined) return this.#character(known)
    return this.#literal(this.#escapedLiteral(character))
  }

  #escapedLiteral(character: string): string {
    const control = CONTROLS[character]
    if (control !== undefined) return control
    if (/[1-9]/.test(character) || character === 'k') throw this.#wrong('back-references')
    if (/[A-Za-z0-9]/.test(character)) throw this.#wrong(`the unknown \\${character}`)
    return character
  }

  /** Behind its `[`. */
  #set(): Takes {
    const opened = this.#at - 1
    const negated = this.#take('^')
    const takes: Takes[] = []
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.#at >= this.#source.length) {
        this.#at = opened
        throw this.#wrong('a [ that is not closed')
      }
      takes.push(this.#range())
    }
    this.#at++
    return (character) => takes.some((each) => each(character)) !== negated
  }

  #range(): Takes {
    const from = this.#member()
    if (typeof from === 'function') return from
    const isRange = this.#peek() === '-' && !['', ']'].includes(this.#source[this.#at + 1] ?? '')
    if (!isRange) return (character) => character === from
    this.#at++
    const to = this.#member()
    if (typeof to === 'function' || to < from) throw this.#wrong('a range whose ends are the wrong way round')
    return (character) => from <= character && character <= to
  }

  #member(): string | Takes {
    const character = this.#next()
    if (character !== '\\') return character
    const escaped = this.#next()
    return CLASSES[escaped] ?? this.#escapedLiteral(escaped)
  }

  #literal(literal: string): Instruction {
    return this.#character((character) => character === literal)
  }

  #character(takes: Takes): Instruction {
    if (!this.#folds) return { kind: 'character', takes }
    return {
      kind: 'character',
      takes: (character) => takes(character.toLowerCase()) || takes(character.toUpperCase()),
    }
  }

  #peek(): string {
    return this.#source[this.#at] ?? ''
  }

  #next(): string {
    const character = String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0)
    this.#at += character.length
    return character
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false
    this.#at++
    return true
  }

  #limit(length: number): void {
    if (length > MOST_INSTRUCTIONS) throw this.#wrong('more than is taken: it is too large')
  }

  #wrong(what: string): Mistake {
    return new Mistake('E_REQUEST', `the regular expression has ${what}, at character ${this.#at + 1}`, {
      hint: 'It is written as RE2 has it: https://github.com/google/re2/wiki/Syntax',
      at: { offset: this.#at, length: this.#at < this.#source.length ? 1 : 0 },
    })
  }
}

function either(a: Part, b: Part): Part {
  return [jump(1, a.length + 2), ...a, jump(b.length + 1), ...b]
}

function repeat(part: Part, least: number, most: number): Part {
  const needed = Array.from({ length: least }, () => part).flat()
  if (most === Number.POSITIVE_INFINITY)
    return [...needed, jump(1, part.length + 2), ...part, jump(-part.length - 1)]
  const optional = Array.from({ length: most - least }, () => [jump(1, part.length + 1), ...part]).flat()
  return [...needed, ...optional]
}

function jump(...to: readonly number[]): Instruction {
  return { kind: 'jump', to }
}

function place(holds: (characters: readonly string[], at: number) => boolean): Instruction {
  return { kind: 'place', holds }
}

function isWordEdge(characters: readonly string[], at: number): boolean {
  return isWord(characters[at - 1] ?? '') !== isWord(characters[at] ?? '')
}

const isDigit: Takes = (character) => /^\d$/.test(character)
const isWord: Takes = (character) => /^\w$/.test(character)
const isSpace: Takes = (character) => /^\s$/.test(character)
const CLASSES: Readonly<Record<string, Takes>> = {
  d: isDigit,
  D: (character) => !isDigit(character),
  w: isWord,
  W: (character) => !isWord(character),
  s: isSpace,
  S: (character) => !isSpace(character),
}
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v' }
const COUNT = /\{(\d+)(,(\d*))?\}/y
const GROUP = /\?(:|P?<[A-Za-z_]\w*>)/y
const MATCH: Instruction = { kind: 'match' }
const MOST_TIMES = 1000
const MOST_INSTRUCTIONS = 2000
const DEEPEST = 100
