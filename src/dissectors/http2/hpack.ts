import { u8 } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'
import { readable } from '../http/characters.ts'
import type { Field } from '../http/head.ts'
import { readHuffman } from './huffman.ts'
import { FIELD_OVERHEAD, STATIC_FIELDS, type TableField } from './static-table.ts'

/** What a header block says, as far as that is known. */
export interface HeaderBlock {
  readonly fields: readonly Field[]
  /** Fields, whether they are known or not. */
  readonly count: number
  /** All of them are known. */
  readonly isWhole: boolean
  /** It does not end where it should, or breaks a rule. */
  readonly isBroken: boolean
  /** Bytes that `fields` take, about, also where they are in the table and in other blocks. */
  readonly memory: number
}

/**
 * Reads the header blocks of one side of a connection (RFC 7541). What was inserted into the dynamic table before the
 * capture began, or in bytes that were lost, is not known, and fields that refer to it are left out. What has been
 * inserted since is: indexes count from the newest entry, so that neither what lies behind it nor what was evicted
 * changes which one is meant.
 */
export class HpackReader {
  readonly #table: DynamicTable
  #at = 0
  #isBroken = false

  /** `isWhole`: it gets every block from the first one on. */
  constructor(isWhole: boolean) {
    this.#table = new DynamicTable(isWhole)
  }

  /** Blocks were lost. */
  forget(): void {
    this.#table.forget()
  }

  /** The side begins anew: its next block is the first. */
  begin(): void {
    this.#table.begin()
  }

  read(bytes: Uint8Array, start: number, end: number): HeaderBlock {
    const block = new Block()
    this.#at = start
    this.#isBroken = false
    while (this.#at < end && !this.#isBroken) this.#readField(block, bytes, end)
    if (this.#isBroken) {
      block.isBroken = true
      block.isWhole = false
      this.#table.forget()
    }
    return block
  }

  /** RFC 7541 §6 */
  #readField(block: Block, bytes: Uint8Array, end: number): void {
    const first = u8(bytes, this.#at)
    if (first >= 0x80) this.#readIndexed(block, this.#integer(bytes, end, 0x7f))
    else if (first >= 0x40) this.#readLiteral(block, bytes, end, this.#integer(bytes, end, 0x3f), true)
    else if (first < 0x20) this.#readLiteral(block, bytes, end, this.#integer(bytes, end, 0x0f), false)
    else if (block.count > 0) this.#isBroken = true
    else this.#resize(this.#integer(bytes, end, 0x1f))
  }

  #readIndexed(block: Block, index: number): void {
    const field = this.#fieldAt(index)
    if (field !== undefined) block.add(field)
  }

  #readLiteral(block: Block, bytes: Uint8Array, end: number, nameIndex: number, isInserted: boolean): void {
    const name =
      nameIndex === 0 ? this.#string(bytes, end) : nameIndex < 0 ? undefined : this.#fieldAt(nameIndex)?.name
    const value = name === undefined ? undefined : this.#string(bytes, end)
    if (name === undefined || value === undefined) {
      this.#isBroken = true
      return
    }
    const size = name.length + value.length + FIELD_OVERHEAD
    const field = { name, value: readable(value), size }
    if (isInserted) this.#table.insert(field)
    block.add(field)
  }

  #resize(size: number): void {
    if (size < 0) this.#isBroken = true
    else this.#table.resize(size)
  }

  /** Undefined when there cannot be one. */
  #fieldAt(index: number): TableField | undefined {
    if (index > 0 && index < STATIC_FIELDS.length) return STATIC_FIELDS[index]
    const field = index > 0 ? this.#table.at(index - STATIC_FIELDS.length) : undefined
    if (field === undefined) this.#isBroken = true
    return field
  }

  /** RFC 7541 §5.1: `prefix` are the bits of the first octet that count, all ones when more follow. −1 when it is none. */
  #integer(bytes: Uint8Array, end: number, prefix: number): number {
    const first = u8(bytes, this.#at++) & prefix
    if (first < prefix) return first
    let value = prefix
    for (let factor = 1; factor <= LARGEST_FACTOR && this.#at < end; factor *= 128) {
      const byte = u8(bytes, this.#at++)
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    this.#isBroken = true
    return -1
  }

  /** RFC 7541 §5.2: a character an octet. */
  #string(bytes: Uint8Array, end: number): string | undefined {
    if (this.#at >= end) return undefined
    const isHuffman = u8(bytes, this.#at) >= 0x80
    const length = this.#integer(bytes, end, 0x7f)
    const start = this.#at
    if (length < 0 || length > end - start) return undefined
    this.#at += length
    return isHuffman ? readHuffman(bytes, start, this.#at) : latin1(bytes, start, this.#at)
  }
}

class Block implements HeaderBlock {
  readonly fields: TableField[] = []
  isWhole = true
  isBroken = false
  count = 0
  memory = 0
  #size = 0

  add(field: TableField): void {
    this.#size += field.size
    this.count++
    if (field.name !== '' && this.#size <= LARGEST_LIST && this.count <= MOST_FIELDS) {
      this.fields.push(field)
      this.memory += field.size + FIELD_MEMORY
    } else this.isWhole = false
  }
}

/** RFC 7541 §2.3.2, as far as it is known: the oldest entries may not be. */
class DynamicTable {
  /** The newest is the last; those before `#first` are evicted. */
  #fields: TableField[] = []
  #first = 0
  #size = 0
  #limit = DEFAULT_SIZE
  /** Behind the entries that are known there may be others. */
  #hasUnknown = false

  constructor(isWhole: boolean) {
    if (!isWhole) this.forget()
  }

  forget(): void {
    this.#clear()
    this.#limit = Number.POSITIVE_INFINITY
    this.#hasUnknown = true
  }

  begin(): void {
    this.#clear()
    this.#limit = DEFAULT_SIZE
    this.#hasUnknown = false
  }

  /** The field that is the `index`th newest, from 0; undefined when there is none. */
  at(index: number): TableField | undefined {
    const at = this.#fields.length - 1 - index
    if (at >= this.#first) return this.#fields[at]
    return this.#hasUnknown ? UNKNOWN : undefined
  }

  /** RFC 7541 §4.4 */
  insert(field: TableField): void {
    this.#fields.push(field)
    this.#size += field.size
    this.#evict()
  }

  /** RFC 7541 §4.3 */
  resize(limit: number): void {
    this.#limit = limit
    this.#evict()
  }

  #evict(): void {
    // No entry is smaller than its overhead: where there is no room for one, there is none that is not known.
    if (this.#limit - this.#size < FIELD_OVERHEAD) this.#hasUnknown = false
    while (this.#size > this.#limit || this.#size > LARGEST_TABLE) {
      if (this.#size <= this.#limit) this.#hasUnknown = true
      this.#size -= (this.#fields[this.#first++] as TableField).size
    }
    if (this.#first < COMPACT_AFTER || this.#first * 2 < this.#fields.length) return
    this.#fields = this.#fields.slice(this.#first)
    this.#first = 0
  }

  #clear(): void {
    this.#fields = []
    this.#first = 0
    this.#size = 0
  }
}

const UNKNOWN: TableField = { name: '', value: '', size: 0 }
/** RFC 9113 §6.5.2: SETTINGS_HEADER_TABLE_SIZE. */
const DEFAULT_SIZE = 4096
/** Further entries are held to be unknown. */
const LARGEST_TABLE = 256 << 10
/** Of one block: further fields are not shown. References cost a peer a byte each. */
const LARGEST_LIST = 1 << 20
const MOST_FIELDS = 2000
/** What an object and two strings take beside what a field counts for. */
const FIELD_MEMORY = 64
/** Integers of more than five octets are longer than anything here. */
const LARGEST_FACTOR = 128 ** 3
const COMPACT_AFTER = 64
