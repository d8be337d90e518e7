import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import { z } from 'zod'
import { requireLevel } from '../../agent/launch.ts'
import { takeLauncher } from '../../agent/launcher.ts'
import { readProtos } from '../../config/protos.ts'
import { configSchema } from '../../config/schema.ts'
import { trialOrder } from '../../wire/trials.ts'
import { runTrial } from '../../worker/trial/trial.ts'

/** What the program that starts us sends on standard input. */
const asked = z.object({ config: configSchema, order: trialOrder })

/** Runs one agent with its effects recorded, for a hub: what to do comes as JSON, and so does what came of it. */
export function trialCommand(): Command {
  return new Command('trial').description('(what a hub starts to try an agent out)').action(trial)
}

async function trial(): Promise<void> {
  const { config, order } = asked.parse(JSON.parse(await text(process.stdin)))
  const launcher = takeLauncher()
  const { sandbox } = config.scripting
  requireLevel(sandbox === 'auto' ? 'permission' : sandbox, launcher.best)
  const protos = readProtos(config.tap.grpc.protos, process.cwd())
  const outcome = await runTrial(order, { config, launcher, protos })
  process.stdout.write(`${JSON.stringify(outcome)}\n`)
}
