import {
  type ConsumerConfig,
  JetStreamApiError,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream'
import { Mistake } from '../mistake/mistake.ts'
import type { Api, NatsLink } from './nats-link.ts'

export type StreamSetup = Pick<StreamConfig, 'name' | 'subjects'> & Partial<StreamConfig>

/** Makes the stream, or makes it what it should be. Answers when it was made. */
export async function ensureStream(link: NatsLink, setup: StreamSetup): Promise<string> {
  const info = await link.call(async (api) => (await find(api, setup.name)) ?? (await add(api, setup)))
  if (String(info.config.subjects) !== String(setup.subjects))
    throw new Mistake('E_BUS', `the stream ${setup.name} of ${link.description} is used by something else`, {
      hint: 'Set nats.prefix to a name of its own.',
    })
  if (differs(info.config, setup))
    await link.call(({ jsm }) => jsm.streams.update(setup.name, { ...info.config, ...setup }))
  return info.created
}

async function find({ jsm }: Api, name: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(name)
  } catch (error) {
    if (hasCode(error, STREAM_NOT_FOUND)) return undefined
    throw error
  }
}

async function add(api: Api, setup: StreamSetup): Promise<StreamInfo> {
  try {
    return await api.jsm.streams.add(setup)
  } catch (error) {
    // Somebody else was faster.
    const info = await find(api, setup.name)
    if (info === undefined) throw error
    return info
  }
}

function differs(config: StreamConfig, setup: StreamSetup): boolean {
  return CHANGEABLE.some((name) => setup[name] !== undefined && setup[name] !== config[name])
}

const CHANGEABLE = ['max_msgs', 'max_bytes', 'max_age', 'duplicate_window', 'num_replicas'] as const

/** A consumer for one reader, which the server forgets soon after nobody asks it any more. Answers its name. */
export async function makeReader(
  link: NatsLink,
  stream: string,
  config: Partial<ConsumerConfig>,
): Promise<{ readonly name: string; readonly pending: number }> {
  const info = await link.call(({ jsm }) =>
    jsm.consumers.add(stream, {
      ack_policy: 'none',
      replay_policy: 'instant',
      inactive_threshold: 60e9,
      mem_storage: true,
      num_replicas: 1,
      ...config,
    }),
  )
  return { name: info.name, pending: info.num_pending }
}

/** It goes by itself, too, only later. */
export function dropReader(link: NatsLink, stream: string, name: string): void {
  if (!link.connected || link.isClosed) return
  link.call(({ jsm }) => jsm.consumers.delete(stream, name)).catch(() => undefined)
}

export function hasCode(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof JetStreamApiError && codes.includes(error.code)
}

const STREAM_NOT_FOUND = 10059
