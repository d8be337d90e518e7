import type { Command } from 'commander'
import type { NatsSettings } from '../bus/nats.ts'
import type { Config } from '../config/index.ts'
import { Mistake } from '../mistake/mistake.ts'

export interface NatsFlags {
  readonly nats?: string
  readonly hub?: string
}

export function addNatsOptions(command: Command): Command {
  return command
    .option('--nats <url>', 'NATS servers with JetStream, such as nats://10.0.0.1:4222 (nats.url)')
    .option('--hub <url>', 'the same')
}

/** Throws when nobody says where NATS is. */
export function natsOf({ nats, hub }: NatsFlags, config: Config): NatsSettings {
  const url = nats ?? hub ?? config.nats.url
  if (url === '')
    throw new Mistake('E_USAGE', 'say where NATS is: --nats nats://HOST:4222', {
      hint: 'or set nats.url; on one machine, remora tap needs none',
    })
  return { ...config.nats, url }
}
