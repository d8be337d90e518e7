import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { openLocalBus } from '../../bus/local.ts'
import type { OpsServer } from '../../metrics/server.ts'
import { openShared } from '../../node/streams.ts'
import { addCaptureOptions, type CaptureFlags, nodeNameOf, requiredLevel } from '../capture-flags.ts'
import { addConfigOptions, type ConfigFlags, configOf } from '../options.ts'
import { startHub } from '../serve/hub.ts'
import { Program } from '../serve/program.ts'
import { startWorker } from '../serve/worker.ts'

interface TapFlags extends ConfigFlags, CaptureFlags {
  readonly json?: boolean
}

export function tapCommand(): Command {
  const command = new Command('tap')
    .description('Run everything on this machine: capture (any interface), agents, hub and its API.')
    .option('--json', 'print console lines as JSON')
    .action(tap)
  return addConfigOptions(addCaptureOptions(command))
}

async function tap(flags: TapFlags): Promise<void> {
  const { config } = configOf(flags)
  const capture = flags.pcap === undefined && flags.interface === undefined ? { interface: ['any'] } : {}
  const program = new Program('worker', nodeNameOf(flags, config), config)
  const { note, report } = program
  let ops: OpsServer | undefined
  try {
    const bus = program.add('bus', openLocalBus({ folder: resolve(config.hub.state), report }))
    const shared = await openShared(bus)
    const level = requiredLevel(flags, config)
    const common = { config, bus, boot: randomUUID(), note }
    const hub = program.add(
      'hub',
      await startHub({ ...common, shared, level, isAlone: true, address: () => '' }),
    )
    const worker = program.add(
      'worker',
      startWorker({
        ...common,
        flags: { ...flags, ...capture },
        boot: randomUUID(),
        shared: Promise.resolve(shared),
        address: () => ops?.address ?? '',
      }),
    )
    const ready = () => hub.service.hub.ready()
    ops = await program.serveOps(config.tap.metrics.port, worker, ready)
    await program.serveOps(config.hub.metricsPort, hub, ready)
    process.stderr.write(`remora: the API is at ${hub.api.url}, metrics at http://${ops.address}/metrics\n`)
    if (config.scripting.console) program.print(hub.service.hub, flags.json === true).catch(report)
    await program.untilStopped(worker.service.captured)
    await program.end('stopped')
  } catch (error) {
    await program.end('failed', 2)
    throw error
  }
}
