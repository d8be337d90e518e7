import { randomUUID } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { Command } from 'commander'
import { openNatsBus } from '../../bus/nats.ts'
import { type LoadedConfig, settingsInForce } from '../../config/index.ts'
import type { OpsServer } from '../../metrics/server.ts'
import { openShared } from '../../node/streams.ts'
import { requiredLevel } from '../capture-flags.ts'
import { addNatsOptions, type NatsFlags, natsOf } from '../nats-flags.ts'
import { addConfigOptions, type ConfigFlags, configOf } from '../options.ts'
import { startHub } from '../serve/hub.ts'
import { Program } from '../serve/program.ts'

interface HubFlags extends ConfigFlags, NatsFlags {}

export function hubCommand(): Command {
  const command = new Command('hub')
    .description(
      'Run a hub for workers elsewhere: agents, their store, and the API. Several may run, one leads.',
    )
    .action(hub)
  return addConfigOptions(addNatsOptions(command))
}

async function hub(flags: HubFlags): Promise<void> {
  // What is known of a cluster has become old when it changes: V8 would let several times as much gather before it looks.
  setFlagsFromString('--heap-growing-percent=50')
  const loaded = configOf(flags)
  const { config } = loaded
  const settings = natsOf(flags, config)
  const program = new Program('hub', 'hub', config)
  const { note, report } = program
  let ops: OpsServer | undefined
  try {
    const bus = program.add('bus', await openNatsBus({ settings, report }))
    const shared = await openShared(bus)
    const level = requiredLevel({}, config)
    const started = program.add(
      'hub',
      await startHub({
        config,
        settings: settingsInForce(withNats(loaded, flags)),
        bus,
        shared,
        boot: randomUUID(),
        level,
        isAlone: false,
        address: () => ops?.address ?? '',
        note,
      }),
    )
    const { service, api } = started
    const { metricsHost: host, metricsPort: port } = config.hub
    ops = await program.serveOps({ host, port }, started, () => service.hub.ready())
    process.stderr.write(
      `remora: a hub of ${bus.description}, the API is at ${api.url}, metrics at http://${ops.address}/metrics\n`,
    )
    await program.untilStopped()
    await program.end('stopped')
  } catch (error) {
    await program.end('failed', 2)
    throw error
  }
}

/** What a flag says of NATS is in force, too. */
function withNats(loaded: LoadedConfig, flags: NatsFlags): LoadedConfig {
  const { config, origins } = loaded
  const flag = flags.nats === undefined ? '--hub' : '--nats'
  const isSet = flags.nats !== undefined || flags.hub !== undefined
  return {
    config: { ...config, nats: natsOf(flags, config) },
    origins: isSet ? new Map([...origins, ['nats.url', flag]]) : origins,
  }
}
