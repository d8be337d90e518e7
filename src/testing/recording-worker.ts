import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Bucket, Bus } from '../bus/bus.ts'
import type { EntryReader, EntryWriter } from '../store/entries/entry-store.ts'
import { openEntryReader, openEntryWriter } from '../store/entries/index.ts'
import { answerQueries } from '../worker/entry-answers.ts'
import { Recordings } from '../worker/recordings/index.ts'
import { ConnectionWalk, SpoolWriter } from '../worker/spool/index.ts'
import { tempFolder } from './temp-folder.ts'

export interface RecordingWorkerOptions {
  readonly bus: Bus
  readonly bucket: Bucket
  readonly node: string
  readonly now: () => number
  readonly mostBytes?: number
  readonly spoolBytes?: number
  readonly isFile?: boolean
}

/** What of a worker recordings need: entries and packets that a test captures, on a disk that outlives its program. */
export class RecordingWorker {
  readonly folder: string
  readonly recordings: Recordings
  readonly #options: RecordingWorkerOptions
  readonly #writer: EntryWriter
  readonly #reader: EntryReader
  readonly #spool: SpoolWriter
  readonly #stop: () => void
  #isClosed = false

  static async start(
    t: Pick<TestContext, 'after'>,
    options: RecordingWorkerOptions,
    folder?: string,
  ): Promise<RecordingWorker> {
    const worker = new RecordingWorker(folder ?? (await tempFolder(t)), await tempFolder(t), options)
    t.after(() => worker.close())
    await worker.recordings.ready
    return worker
  }

  private constructor(folder: string, live: string, options: RecordingWorkerOptions) {
    const { bus, bucket, node, now, mostBytes = 1 << 30, spoolBytes = 1 << 30, isFile = false } = options
    this.folder = folder
    this.#options = options
    const spool = {
      folder: join(live, 'spool'),
      maxBytes: spoolBytes,
      heads: new SharedArrayBuffer(1 << 10, { maxByteLength: 1 << 20 }),
    }
    const entries = join(live, 'entries')
    const filters = { prefer: 'kfl2', macros: {} } as const
    this.#spool = new SpoolWriter(spool)
    this.#writer = openEntryWriter({ folder: entries, ttlMs: 3600_000, mostBytes: 1 << 30 })
    this.#reader = openEntryReader({ folder: entries, ...filters })
    this.recordings = new Recordings({
      ...{ bus, bucket, node, folder, mostBytes, now, isFile, ...filters },
      reader: this.#reader,
      packets: new ConnectionWalk(spool, async () => ({})),
      note: () => {},
      everyMs: 0,
      tellEveryMs: 0,
    })
    this.#stop = answerQueries({
      ...{ bus, node, dropped: () => ({}) },
      readerOf: (source) => (source === undefined ? this.#reader : this.recordings.readerOf(source)),
      redact: async (_, entries) => entries.map((each) => each.replaceAll('secret', '[redacted]')),
    })
  }

  /** A request on a connection, with so many packets; all of it is where recordings find it. */
  async capture(connection: number, path: string, packets = 2, size = 60): Promise<void> {
    const at = this.#options.now()
    for (let n = 0; n < packets; n++) this.#packet(connection, at, n, size)
    this.#spool.flush()
    const stream = `${String(connection).padStart(12, '0')}.pcap`
    const { node } = this.#options
    const entry = {
      ...{ id: `${node}/${stream}-${path}`, stream, index: connection, timestamp: at, http: true },
      ...{ protocol: { name: 'http', abbr: 'HTTP' }, request: { method: 'GET', path } },
    }
    this.#writer.append(at, JSON.stringify(entry))
    await this.#writer.flush()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#stop()
    await this.recordings.close()
    await this.#reader.close()
    await this.#writer.close()
    this.#spool.close()
  }

  #packet(connection: number, at: number, n: number, size: number): void {
    const bytes = frame(connection, n, size)
    this.#spool.append(
      {
        ...{ bytes, start: 0, captured: bytes.length, length: bytes.length, interfaceId: 0 },
        ...{ seconds: Math.floor(at / 1000), nanos: (at % 1000) * 1e6 + n * 1000 },
        interfaces: [{ name: 'eth0', linkType: 1, snapLength: 0 }],
      },
      connection,
    )
  }
}

/** Ethernet, IPv4 and UDP from a port that is the number of the connection: programs can read it. */
function frame(connection: number, n: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0])
  bytes.set([0x45, 0, 0, 0, 0, n & 255, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 14)
  bytes.writeUInt16BE(size - 14, 16)
  bytes.writeUInt16BE(10_000 + connection, 34)
  bytes.writeUInt16BE(7, 36)
  bytes.writeUInt16BE(size - 34, 38)
  return bytes
}
