import type { NameHistory } from '../../helpers/helper.ts'
import { RECORD_HEADER, type SpoolOptions } from './options.ts'
import { headOf, interfacesOf, recordAt } from './records.ts'
import { SegmentFiles } from './segment-files.ts'

/** A packet of a connection, for those who copy it. */
export interface WalkedPacket {
  /** Place of the packet before it on its connection; 0 when it is the first. */
  readonly before: number
  readonly bytes: Uint8Array
  readonly length: number
  readonly seconds: number
  readonly nanos: number
  readonly linkType: number
}

/** The packets of connections, from the newest back to the oldest. */
export interface ConnectionPackets {
  /** Place of the newest packet of a connection; 0 when there is none. */
  headOf(stream: string): number
  /** Undefined when it had to go. */
  packetAt(place: number): WalkedPacket | undefined
  /** When enough was read for now. */
  closeFiles(): void
  nameHistory(): Promise<NameHistory>
}

/** Those that a `SpoolWriter`, in another thread, keeps. */
export class ConnectionWalk implements ConnectionPackets {
  readonly #options: Pick<SpoolOptions, 'folder' | 'heads' | 'firstStream'>
  readonly #names: () => Promise<NameHistory>
  readonly #files: SegmentFiles
  readonly #header = Buffer.alloc(RECORD_HEADER)
  #linkTypes: readonly number[] = []

  constructor(
    options: Pick<SpoolOptions, 'folder' | 'heads' | 'firstStream'>,
    names: () => Promise<NameHistory>,
  ) {
    this.#options = options
    this.#names = names
    this.#files = new SegmentFiles(options.folder)
  }

  headOf(stream: string): number {
    return headOf(stream, this.#options)
  }

  packetAt(place: number): WalkedPacket | undefined {
    const position = place - 1
    if (!this.#files.read(position, this.#header, RECORD_HEADER)) return undefined
    const record = recordAt(position, this.#files)
    if (record === undefined) return undefined
    return { ...record, before: this.#header.readDoubleLE(0), linkType: this.#linkType(record.interfaceId) }
  }

  closeFiles(): void {
    this.#files.close()
  }

  nameHistory(): Promise<NameHistory> {
    return this.#names()
  }

  #linkType(interfaceId: number): number {
    if (this.#linkTypes[interfaceId] === undefined)
      this.#linkTypes = interfacesOf(this.#options).map(({ linkType }) => linkType)
    return this.#linkTypes[interfaceId] ?? ETHERNET
  }
}

const ETHERNET = 1
