import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { HelperCall } from '../agent/group.ts'
import type { Config } from '../config/index.ts'
import { openDataFolder } from '../helpers/data-folder.ts'
import { dispatch } from '../helpers/dispatch.ts'
import { type Egress, openEgress } from '../helpers/egress.ts'
import type { DataFolder, HelperHost } from '../helpers/helper.ts'
import { namespaces } from '../helpers/index.ts'
import { Mistake } from '../mistake/mistake.ts'

import { removeSpool, removeStaleSpools, type SpoolOptions, SpoolReader } from './spool/index.ts'
import { version } from './version.ts'

/**
 * Answers the helpers that scripts call: the only way from a script to anything outside. It lives on the main thread,
 * which never decodes packets, so that an answer does not wait for traffic.
 */
export class Broker {
  readonly #root: string
  readonly #quotaBytes: number
  #files: Promise<DataFolder> | undefined
  readonly #egress: Egress
  readonly #nodeName: string
  readonly #packets: SpoolReader
  readonly spool: SpoolOptions

  constructor(config: Config, nodeName: string) {
    const { scripting, internetConnectivity, tap } = config
    this.#root = resolve(scripting.data)
    this.#quotaBytes = scripting.dataQuotaMb * 2 ** 20
    this.#egress = openEgress({ ...scripting.egress, internetConnectivity })
    this.#nodeName = nodeName
    makeFolder(this.#root)
    const spools = join(this.#root, '..', 'spool')
    removeStaleSpools(spools)
    this.spool = {
      folder: join(spools, String(process.pid)),
      maxBytes: bytesOf(tap.capture.raw.storageSize),
      heads: new SharedArrayBuffer(HEADS_BYTES, { maxByteLength: MOST_HEADS_BYTES }),
    }
    this.#packets = new SpoolReader(this.spool)
    // Also when the program is ended in the middle of a run.
    process.once('exit', this.#removeSpool)
  }

  async call({ agent, component, path, args, nowMs, warn }: HelperCall): Promise<unknown> {
    const node = component === 'hub' ? 'hub' : this.#nodeName
    // Counting what is in it may take a while: when somebody uses it.
    this.#files ??= openDataFolder(this.#root, this.#quotaBytes)
    const host: HelperHost = {
      agent,
      component,
      nodeName: node,
      files: await this.#files,
      packets: this.#packets,
      signal: AbortSignal.timeout(CALL_MS),
      warn,
      request: (options) => this.#egress.request(options),
      now: () => nowMs,
      health: () => this.#health(node),
      targeted: () => ({ targets: [], excluded: [] }),
    }
    return dispatch(namespaces, path, args, host)
  }

  /** A reply in the capture gave an address a name. */
  learn(seconds: number, address: string, name: string): void {
    this.#packets.learn(seconds, address, name)
  }

  async close(): Promise<void> {
    await this.#egress.close()
    this.#removeSpool()
    process.off('exit', this.#removeSpool)
  }

  readonly #removeSpool = () => removeSpool(this.spool.folder)

  #health(nodeName: string): unknown {
    const { rss } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    return {
      nodeName,
      version: version(),
      timestamp: Date.now(),
      cpuUsage: (user + system) / 1e6 / process.uptime(),
      memoryUsage: rss,
    }
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (cause) {
    throw new Mistake(
      'E_CONFIG_VALUE',
      `the data folder ${path} cannot be made: ${(cause as Error).message}`,
      {
        hint: 'Give yourself the right to write there, or set scripting.data to another folder.',
        cause,
      },
    )
  }
}

function bytesOf(size: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT]i?)?B?$/i.exec(size) ?? []
  const scale = UNITS[(unit ?? '').toLowerCase()] ?? 1
  return Math.floor(Number(amount ?? 0) * scale)
}

const UNITS: Readonly<Record<string, number>> = {
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 1 << 10,
  mi: 1 << 20,
  gi: 1 << 30,
  ti: 2 ** 40,
}
const CALL_MS = 60_000
const HEADS_BYTES = 1 << 20
const MOST_HEADS_BYTES = 256 << 20
