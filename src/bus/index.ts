import type { Bus } from './bus.ts'
import { openLocalBus } from './local.ts'
import { type NatsSettings, openNatsBus } from './nats.ts'

export interface OpenBusOptions {
  /** Settings `nats.*`; without a URL the bus is in this process. */
  readonly nats: NatsSettings
  /** Where a bus in this process keeps its streams and buckets (`hub.state`); null: in memory. */
  readonly folder: string | null
  /** Be there at once, also while no server of NATS can be reached: for workers, which work without, too. */
  readonly mayWait: boolean
  /** Told what goes wrong out of sight; the bus mends it, or counts it. */
  readonly report?: (error: unknown) => void
}

/** Rejects with `E_BUS` when it may not wait and cannot connect, and with `E_STORE` when the folder cannot be used. */
export async function openBus({ nats, folder, mayWait, report }: OpenBusOptions): Promise<Bus> {
  const reporting = report === undefined ? {} : { report }
  return nats.url === ''
    ? openLocalBus({ folder, ...reporting })
    : openNatsBus({ settings: nats, mayWait, ...reporting })
}
