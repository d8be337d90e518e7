import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { formatOf, HEAD_LENGTH, refuse } from '../capture/format.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { EntryReader } from '../store/entries/entry-store.ts'
import { type CaptureCounts, type CaptureView, captureView } from '../wire/captures.ts'
import type { EntriesQuery } from '../wire/entries.ts'
import type { PacketPlace } from '../wire/packets.ts'
import type { EntriesPage } from '../wire/views.ts'
import type { CaptureControl } from './control.ts'
import type { EntrySource } from './entry-sources.ts'

export interface CapturesOptions {
  readonly folder: string
  readonly limits: {
    /** Of one file. */
    readonly mostBytes: number
    /** Of all files, with what was made of them. */
    readonly storageBytes: number
    readonly mostCaptures: number
  }
  /** Reads a file in a process of its own, until it is done or the signal aborts. Rejects with why it could not. */
  readonly read: (
    job: {
      readonly file: string
      readonly entries: string
      readonly packets: string
      readonly mostBytes: number
    },
    tell: (part: number, counts: CaptureCounts) => void,
    signal: AbortSignal,
  ) => Promise<{ readonly counts: CaptureCounts; readonly problems: readonly string[] }>
  readonly openEntries: (folder: string) => EntryReader
  /** Packets of a capture that was read. */
  readonly openPackets: (folder: string) => PacketPlace
  readonly now: () => Date
  readonly note: (text: string, fields: object) => void
}

/** Captures that people have uploaded to this hub: read once, one after another, and kept until others need their room. */
export class Captures implements EntrySource, CaptureControl {
  readonly isRaw = true
  readonly #options: CapturesOptions
  /** The oldest first. */
  readonly #captures = new Map<string, Capture>()
  #reading: Promise<void> = Promise.resolve()
  readonly #closing = new AbortController()

  /** With those that were there before; those that were not read to their end are read again. */
  static async open(options: CapturesOptions): Promise<Captures> {
    const captures = new Captures(options)
    await mkdir(options.folder, { recursive: true })
    await captures.#load()
    return captures
  }

  private constructor(options: CapturesOptions) {
    this.#options = options
  }

  get mostBytes(): number {
    return this.#options.limits.mostBytes
  }

  list(): CaptureView[] {
    return [...this.#captures.values()].map(({ view }) => view).reverse()
  }

  async add(name: string, body: AsyncIterable<Uint8Array>, by: string): Promise<CaptureView> {
    const id = randomUUID().slice(0, 13)
    const folder = join(this.#options.folder, id)
    await mkdir(folder)
    try {
      const bytes = await this.#receive(name, body, join(folder, CAPTURE_FILE))
      const uploadedAt = this.#options.now().toISOString()
      const capture = new Capture(folder, { ...NEW, id, name, bytes, uploadedAt, uploadedBy: by })
      await capture.save()
      this.#captures.set(id, capture)
      await this.#makeRoom(id)
      this.#readLater(capture)
      return capture.view
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  async remove(id: string): Promise<void> {
    const capture = this.#find(id)
    this.#captures.delete(id)
    await capture.remove()
  }

  async entries(id: string, query: EntriesQuery, signal: AbortSignal): Promise<EntriesPage> {
    const reader = this.#find(id).entries(this.#options.openEntries)
    const { entries, cursor, scanned } = await reader.page(query, { signal, mostBytes: MOST_PAGE_BYTES })
    await this.#rest(id)
    return { entries: entries.map(({ json }) => json), cursor, scanned, missing: [] }
  }

  async packets(id: string): Promise<PacketPlace> {
    const capture = this.#find(id)
    if (capture.view.state !== 'ready')
      throw new Mistake('E_NOT_FOUND', 'the packets of a capture are there when it was read to its end', {
        hint:
          capture.view.failure?.message ?? `So far ${Math.floor(capture.view.progress * 100)} % were read.`,
      })
    return this.#options.openPackets(join(capture.folder, PACKETS))
  }

  /** The file of a capture, for those who read it themselves; undefined when there is no such capture. */
  file(id: string): { readonly path: string; readonly name: string } | undefined {
    const capture = this.#captures.get(id)
    return capture && { path: join(capture.folder, CAPTURE_FILE), name: capture.view.name }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#reading
    await Promise.all([...this.#captures.values()].map((capture) => capture.rest()))
  }

  async #load(): Promise<void> {
    const names = await readdir(this.#options.folder)
    const found = await Promise.all(names.map((name) => loadCapture(join(this.#options.folder, name))))
    const captures = found.filter((capture) => capture !== undefined)
    captures.sort((left, right) => (left.view.uploadedAt < right.view.uploadedAt ? -1 : 1))
    for (const capture of captures) {
      this.#captures.set(capture.view.id, capture)
      if (capture.view.state === 'reading') this.#readLater(capture)
    }
  }

  /** Puts a file on the disk as it comes, as far as it looks like a capture and is not too large. */
  async #receive(name: string, body: AsyncIterable<Uint8Array>, path: string): Promise<number> {
    const { mostBytes } = this.#options.limits
    let bytes = 0
    let head = Buffer.alloc(0)
    const check = async function* () {
      for await (const chunk of body) {
        bytes += chunk.length
        if (bytes > mostBytes)
          throw new Mistake('E_TOO_LARGE', `${name} has more than ${mostBytes} bytes`, {
            hint: 'hub.captures.mostBytes says how many a capture may have.',
          })
        if (head.length < HEAD_LENGTH) {
          head = Buffer.concat([head, chunk]).subarray(0, HEAD_LENGTH)
          if (head.length >= HEAD_LENGTH && formatOf(head) === 'other') throw refuse(name, head)
        }
        yield chunk
      }
    }
    await pipeline(Readable.from(check()), createWriteStream(path), { signal: this.#closing.signal })
    if (formatOf(head) === 'other') throw refuse(name, head)
    return bytes
  }

  /** One after another: several would only wait for each other. */
  #readLater(capture: Capture): void {
    this.#reading = this.#reading
      .then(() => this.#read(capture))
      .catch((error: unknown) => {
        this.#options.note('a capture could not be kept', { id: capture.view.id, error: String(error) })
      })
  }

  async #read(capture: Capture): Promise<void> {
    const isThere = () => this.#captures.get(capture.view.id) === capture && !this.#closing.signal.aborted
    if (!isThere()) return
    const { read, limits } = this.#options
    const signal = AbortSignal.any([capture.removed, this.#closing.signal])
    const folders = { entries: join(capture.folder, ENTRIES), packets: join(capture.folder, PACKETS) }
    for (const folder of Object.values(folders)) await rm(folder, { recursive: true, force: true })
    try {
      const job = { file: join(capture.folder, CAPTURE_FILE), ...folders, mostBytes: limits.storageBytes / 2 }
      const tell = (progress: number, counts: CaptureCounts) => capture.change({ progress, ...counts })
      const { counts, problems } = await read(job, tell, signal)
      capture.change({ state: 'ready', progress: 1, ...counts, problems: [...problems] })
    } catch (error) {
      // Where the hub is ending it is read again by the next one.
      if (!isThere()) return
      const { code, message, hint } = mistakeOf(error)
      capture.change({ state: 'failed', failure: { code, message, ...(hint === undefined ? {} : { hint }) } })
    }
    if (!isThere()) return
    await capture.save()
    await this.#makeRoom(capture.view.id)
  }

  /** The oldest go, but never the one that has just come. */
  async #makeRoom(newest: string): Promise<void> {
    const { storageBytes, mostCaptures } = this.#options.limits
    let used = 0
    const kept: string[] = []
    for (const [id, capture] of [...this.#captures].reverse()) {
      used += await sizeOf(capture.folder)
      if (id === newest || (used <= storageBytes && kept.length < mostCaptures)) kept.push(id)
      else {
        this.#options.note('a capture was removed to make room for others', { id, name: capture.view.name })
        await this.remove(id)
      }
    }
  }

  /** Threads that read entries are for those who were asked last. */
  async #rest(id: string): Promise<void> {
    const capture = this.#captures.get(id)
    if (capture === undefined) return
    this.#awake = [id, ...this.#awake.filter((each) => each !== id)]
    const tired = this.#awake.splice(MOST_AWAKE)
    await Promise.all(tired.map((each) => this.#captures.get(each)?.rest()))
  }
  #awake: string[] = []

  #find(id: string): Capture {
    const capture = this.#captures.get(id)
    if (capture !== undefined) return capture
    throw new Mistake('E_NOT_FOUND', `there is no capture ${id.slice(0, LONGEST_SHOWN)}`, {
      hint: 'Captures are kept by the hub that they were uploaded to, the oldest until others need their room.',
    })
  }
}

/** One capture in its folder: the file, what was made of it, and how it does. */
class Capture {
  readonly folder: string
  #view: CaptureView
  #entries: EntryReader | undefined
  readonly #gone = new AbortController()

  constructor(folder: string, view: CaptureView) {
    this.folder = folder
    this.#view = view
  }

  get view(): CaptureView {
    return this.#view
  }

  /** Aborts when it is removed. */
  get removed(): AbortSignal {
    return this.#gone.signal
  }

  change(change: Partial<CaptureView>): void {
    this.#view = { ...this.#view, ...change }
  }

  entries(open: (folder: string) => EntryReader): EntryReader {
    this.#entries ??= open(join(this.folder, ENTRIES))
    return this.#entries
  }

  /** Ends its threads until somebody asks again. */
  async rest(): Promise<void> {
    const reader = this.#entries
    this.#entries = undefined
    await reader?.close()
  }

  async save(): Promise<void> {
    const path = join(this.folder, VIEW_FILE)
    await writeFile(`${path}.tmp`, JSON.stringify(this.#view))
    await rename(`${path}.tmp`, path)
  }

  async remove(): Promise<void> {
    this.#gone.abort()
    await this.rest()
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Undefined, and gone, when its upload was not complete. */
async function loadCapture(folder: string): Promise<Capture | undefined> {
  try {
    const view = captureView.parse(JSON.parse(await readFile(join(folder, VIEW_FILE), 'utf8')))
    return new Capture(folder, view)
  } catch (error) {
    if (!(error instanceof z.ZodError || error instanceof SyntaxError || isMissing(error))) throw error
    await rm(folder, { recursive: true, force: true })
    return undefined
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}

function mistakeOf(error: unknown): Pick<Mistake, 'code' | 'message' | 'hint'> {
  if (error instanceof Mistake) return error
  return { code: 'E_STORE', message: `it could not be read: ${String(error)}`, hint: undefined }
}

async function sizeOf(folder: string): Promise<number> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const sizes = found
    .filter((each) => each.isFile())
    .map(({ parentPath, name }) =>
      stat(join(parentPath, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    )
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

const NEW: Omit<CaptureView, 'id' | 'name' | 'bytes' | 'uploadedAt' | 'uploadedBy'> = {
  state: 'reading',
  progress: 0,
  problems: [],
  packets: 0,
  entries: 0,
  lost: {},
  firstMs: null,
  lastMs: null,
}
const CAPTURE_FILE = 'capture'
const ENTRIES = 'entries'
const PACKETS = 'packets'
const VIEW_FILE = 'capture.json'
/** Captures whose entries can be asked for without starting threads. */
const MOST_AWAKE = 3
const MOST_PAGE_BYTES = 32 << 20
const LONGEST_SHOWN = 100
