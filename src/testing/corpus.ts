import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

/** A capture of the corpus, with what tshark says of it. */
export interface CorpusCapture {
  /** Absolute path of the capture. */
  readonly path: string
  /** `own-h1-basics.pcap` */
  readonly name: string
  /** The folder it lies in: `http1`, `malformed`. */
  readonly group: string
  /** Read when first asked for. The corpus's own README says how far to trust it. */
  readonly truth: Truth
}

/** `NAME.json` beside a capture. Lists of messages depend on the protocol and are left to who compares them. */
export interface Truth {
  readonly packets: number
  readonly bytes: number
  readonly captured_bytes: number
  readonly short_packets: number
  /** Seconds with nine decimals; "" = the packet has no time. */
  readonly first_time: string
  readonly last_time: string
  readonly format: {
    readonly kind: string
    readonly endian?: 'little' | 'big'
    readonly resolution?: 'us' | 'ns'
    readonly snaplen?: number
    readonly linktype?: number
    readonly sections?: readonly { readonly interfaces: readonly unknown[] }[]
  }
  /** Packets by tshark's number of their link layer; "" = a frame that is none. */
  readonly encapsulation: Readonly<Record<string, number>>
  readonly protocols: Readonly<Record<string, number>>
  readonly interface_packets?: Readonly<Record<string, number>>
  readonly tcp: { readonly streams: number }
  readonly udp: { readonly streams: number }
  readonly [list: string]: unknown
}

/** All captures, by group and name; none when the corpus is not there. */
export function corpus(folder: string = corpusFolder()): CorpusCapture[] {
  if (!existsSync(folder)) return []
  return namesIn(folder, (entry) => entry.isDirectory()).flatMap((group) =>
    namesIn(`${folder}/${group}`, (entry) => /\.(pcap|pcapng|snoop)$/.test(entry.name)).map(
      (name) => new Capture(`${folder}/${group}/${name}`, name, group),
    ),
  )
}

/**
 * The corpus for a test that needs it. Where it is missing the test is skipped and says so, and `[]` is returned;
 * in CI, which must not pass by not looking, it fails.
 */
export function corpusOrSkip(t: TestContext): CorpusCapture[] {
  const captures = corpus()
  if (captures.length > 0) return captures
  const message = `no captures in ${corpusFolder()}: set REMORA_CORPUS to the folder that has them`
  if (process.env.CI) throw new Error(message)
  t.skip(message)
  return []
}

function corpusFolder(): string {
  return process.env.REMORA_CORPUS || fileURLToPath(new URL('../../../shared/corpus', import.meta.url))
}

function namesIn(
  folder: string,
  wanted: (entry: { name: string; isDirectory(): boolean }) => boolean,
): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(wanted)
    .map(({ name }) => name)
    .sort()
}

class Capture implements CorpusCapture {
  readonly path: string
  readonly name: string
  readonly group: string
  #truth: Truth | undefined

  constructor(path: string, name: string, group: string) {
    this.path = path
    this.name = name
    this.group = group
  }

  get truth(): Truth {
    this.#truth ??= JSON.parse(readFileSync(this.path.replace(/\.\w+$/, '.json'), 'utf8')) as Truth
    return this.#truth
  }
}
