import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openCapture } from '../capture/index.ts'
import type { PacketSource } from '../capture/source.ts'
import { configSchema } from '../config/schema.ts'
import { dissectorsNamed, entryProtocols } from '../dissectors/index.ts'
import { EntryTexts } from '../entry/text.ts'
import { COUNTER_NAMES } from '../metrics/counters.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { EntryWriter } from '../store/entries/entry-store.ts'
import { openEntryWriter } from '../store/entries/index.ts'
import {
  type CaptureCounts,
  type ReadCaptureNews,
  type ReadCaptureOrder,
  readCaptureOrder,
} from '../wire/captures.ts'
import { NOTHING_DROPPED } from './capture-messages.ts'
import { captureCounters } from './counters.ts'
import { DnsNames } from './names.ts'
import { type EventSink, Pipeline } from './pipeline.ts'
import { Recorder } from './recorder.ts'
import { pipelineSettings } from './run-options.ts'
import { HEADS_FILE, SpoolWriter } from './spool/index.ts'

/** Reads one capture file into a store of entries and a spool of packets, and says how far it is. */
class CaptureReader {
  readonly #order: ReadCaptureOrder
  readonly #store: EntryWriter
  readonly #heads = new SharedArrayBuffer(1 << 16, { maxByteLength: 256 << 20 })
  readonly #spool: SpoolWriter
  readonly #source: PacketSource
  readonly #pipeline: Pipeline
  #toldAt = 0

  constructor(order: ReadCaptureOrder) {
    this.#order = order
    const { file, entries, packets, mostBytes, worker } = order
    const { tap } = configSchema.parse({ tap: order.tap })
    const names = new DnsNames()
    const spool = new SpoolWriter({ folder: packets, maxBytes: mostBytes, heads: this.#heads })
    const limits = { folder: entries, mostBytes, ttlMs: Number.MAX_SAFE_INTEGER }
    // Whoever finds an entry may ask for its packets at once.
    this.#store = openEntryWriter(limits, () => spool.flush())
    this.#spool = spool
    this.#source = openCapture({ path: file })
    const origin = {
      ...{ worker, node: { ip: '', name: worker }, backend: 'pcap' },
      nameOf: (ip: string) => names.nameOf(ip),
    }
    this.#pipeline = new Pipeline(
      {
        ...pipelineSettings(tap, { verifyChecksums: false, protos: undefined }),
        ...dissectorsNamed(tap.enabledDissectors),
        names,
        spool: this.#spool,
      },
      new Recorder(NOBODY, this.#store, new EntryTexts(entryProtocols, origin)),
    )
  }

  async read(): Promise<void> {
    for await (const batch of this.#source.packets(new AbortController().signal)) {
      this.#pipeline.push(batch)
      // Entries are not dropped for want of time: nothing is lost when a file waits.
      if (this.#store.counters.waiting > MOST_WAITING) await this.#store.flush()
      this.#tellProgress()
      await new Promise(setImmediate)
    }
    this.#pipeline.finish()
    this.#spool.close()
    writeFileSync(join(this.#order.packets, HEADS_FILE), new Uint8Array(this.#heads))
    await this.#store.settle()
    await this.#store.close()
    const problems = [...this.#source.problems, this.#spool.problem].filter(
      (problem) => problem !== undefined,
    )
    await tell({ kind: 'done', counts: this.#counts(), problems })
  }

  #tellProgress(): void {
    const now = performance.now()
    if (now - this.#toldAt < PROGRESS_MS) return
    this.#toldAt = now
    const { bytesRead, totalBytes } = this.#source.progress
    const part = totalBytes === 0 ? 0 : Math.min(1, bytesRead / totalBytes)
    void tell({ kind: 'progress', part, counts: this.#counts() })
  }

  #counts(): CaptureCounts {
    const counters = this.#pipeline.counters()
    const stored = this.#store.counters
    const lost = {
      ...captureCounters({
        ...{ counters, losses: this.#source.losses(), dropped: NOTHING_DROPPED, spool: this.#spool.counters },
      }),
      ...named('file', this.#source.skipped),
      ...named('store', stored.dropped),
    }
    const { firstMs, lastMs, packets } = counters
    return { packets, entries: stored.kept + stored.waiting, lost: losses(lost), firstMs, lastMs }
  }
}

/** Of all that is counted what is a loss. */
function losses(counters: Readonly<Record<string, number>>): Record<string, number> {
  const prefix = COUNTER_NAMES.dropped('', '').split('.')[0] ?? ''
  const lost = Object.entries(counters).filter(([name, count]) => count > 0 && name.startsWith(`${prefix}.`))
  return Object.fromEntries(lost.map(([name, count]) => [name.slice(prefix.length + 1), count]))
}

function named(where: string, counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).map(([why, count]) => [COUNTER_NAMES.dropped(where, why), count]),
  )
}

function tell(news: ReadCaptureNews): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve()
    else process.send(news, () => resolve())
  })
}

const NOBODY: EventSink = {
  bodies: true,
  packetsOnly: false,
  packet: () => {},
  item: () => {},
  relayed: () => {},
}
const MOST_WAITING = 2000
const PROGRESS_MS = 250

process.once('message', (message) => {
  Promise.try(() => new CaptureReader(readCaptureOrder.parse(message)).read())
    .catch((error: unknown) => {
      if (!(error instanceof Mistake)) throw error
      const { code, message: text, hint } = error
      return tell({
        kind: 'mistake',
        failure: { code, message: text, ...(hint === undefined ? {} : { hint }) },
      })
    })
    .finally(() => process.disconnect?.())
})
