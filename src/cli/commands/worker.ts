import { randomUUID } from 'node:crypto'
import { Command } from 'commander'
import { openNatsBus } from '../../bus/nats.ts'
import type { OpsServer } from '../../metrics/server.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { untilDone } from '../../node/late.ts'
import { openShared, type Shared } from '../../node/streams.ts'
import { addCaptureOptions, type CaptureFlags, nodeNameOf } from '../capture-flags.ts'
import { addNatsOptions, type NatsFlags, natsOf } from '../nats-flags.ts'
import { addConfigOptions, type ConfigFlags, configOf } from '../options.ts'
import { Program } from '../serve/program.ts'
import { startWorker } from '../serve/worker.ts'

interface WorkerFlags extends ConfigFlags, CaptureFlags, NatsFlags {}

export function workerCommand(): Command {
  const command = new Command('worker')
    .description('Capture on this machine (any interface) and run agents, for a hub elsewhere.')
    .action(worker)
  return addConfigOptions(addCaptureOptions(addNatsOptions(command)))
}

async function worker(flags: WorkerFlags): Promise<void> {
  const { config } = configOf(flags)
  const settings = natsOf(flags, config)
  const capture = flags.pcap === undefined && flags.interface === undefined ? { interface: ['any'] } : {}
  const program = new Program('worker', nodeNameOf(flags, config), config)
  const { note, report } = program
  let ops: OpsServer | undefined
  try {
    const bus = program.add('bus', await openNatsBus({ settings, mayWait: true, report }))
    // It works without as well, for as long as it has to.
    const shared = Promise.withResolvers<Shared>()
    // Where the worker does not even start, nobody waits for it.
    shared.promise.catch(() => {})
    void untilDone(() => openShared(bus), report, program.signal).then((opened) => {
      if (opened !== undefined) shared.resolve(opened)
      // What waits for it would wait for ever.
      else shared.reject(new Mistake('E_BUS', `${bus.description} was never reached`))
    })
    const started = program.add(
      'worker',
      await startWorker({
        config,
        flags: { ...flags, ...capture },
        bus,
        shared: shared.promise,
        boot: randomUUID(),
        address: () => ops?.address ?? '',
        note,
        ownSockets: program.ownSockets.shared,
      }),
    )
    const { service } = started
    const ready = () => ({
      ready: bus.connected,
      reasons: bus.connected ? [] : [`${bus.description} cannot be reached`],
    })
    ops = await program.serveOps(config.tap.metrics, started, ready)
    process.stderr.write(`remora: a worker of ${bus.description}, metrics at http://${ops.address}/metrics\n`)
    await program.untilStopped(service.captured)
    await program.end('stopped')
  } catch (error) {
    await program.end('failed', 2)
    throw error
  }
}
