import type { Bucket, Bus, Stream } from '../bus/bus.ts'
import { BUCKETS, STREAMS } from '../wire/subjects.ts'

/** What all programs share, besides what is only said. */
export interface Shared {
  readonly console: Stream
  readonly actions: Stream
  readonly audit: Stream
  readonly state: Bucket
  readonly jobs: Bucket
  readonly cluster: Bucket
  readonly recordings: Bucket
  readonly alerts: Bucket
  readonly policies: Bucket
}

/** Rejects with `E_BUS` when the bus cannot be reached now. */
export async function openShared(bus: Bus): Promise<Shared> {
  return {
    console: await bus.stream(STREAM_OPTIONS.console),
    actions: await bus.stream(STREAM_OPTIONS.actions),
    audit: await bus.stream(STREAM_OPTIONS.audit),
    state: await bus.bucket({ name: BUCKETS.state }),
    jobs: await bus.bucket({ name: BUCKETS.jobs }),
    cluster: await bus.bucket({ name: BUCKETS.cluster }),
    recordings: await bus.bucket({ name: BUCKETS.recordings }),
    alerts: await bus.bucket({ name: BUCKETS.alerts }),
    policies: await bus.bucket({ name: BUCKETS.policies }),
  }
}

const DAY_MS = 86_400_000
/** What is sent again after an outage that is not known to have arrived. */
const REMEMBER_MS = 600_000

export const STREAM_OPTIONS = {
  console: {
    name: STREAMS.console,
    mostMessages: 100_000,
    mostBytes: 128 << 20,
    mostAgeMs: DAY_MS,
    rememberIdsMs: REMEMBER_MS,
  },
  // What an agent has sent must wait for a hub as long as it takes.
  actions: {
    name: STREAMS.actions,
    mostMessages: 1_000_000,
    mostBytes: 1 << 30,
    mostAgeMs: 7 * DAY_MS,
    rememberIdsMs: REMEMBER_MS,
  },
  audit: {
    name: STREAMS.audit,
    mostMessages: 100_000,
    mostBytes: 64 << 20,
    mostAgeMs: 90 * DAY_MS,
    rememberIdsMs: REMEMBER_MS,
  },
} as const
