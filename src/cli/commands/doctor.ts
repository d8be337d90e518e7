import { basename } from 'node:path'
import { Command } from 'commander'
import { prepareJail } from '../../agent/jail.ts'
import { bestLevel } from '../../agent/launch.ts'
import { captureProgram } from '../../capture/index.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { table } from '../table.ts'

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Say what this machine allows: sandbox, live capture.')
    .action(async () => {
      console.log(table(await findings()))
    })
}

/** What works, and what would have to be done where something does not. */
async function findings(): Promise<string[][]> {
  const { level, because } = bestLevel()
  const advice: Record<typeof level, string> = {
    full: 'agents have no files, no network, no processes and a user of their own',
    userns: `agents have no files, no network and no processes; not "full", because: ${because}`,
    permission: `only Node's permission model and memory limits hold agents; because: ${because}`,
  }
  return [
    ['node', process.version, process.execPath],
    ['sandbox', level, advice[level]],
    ['jail', 'ready', prepareJail().root],
    ['live capture', ...(await liveCapture())],
  ]
}

async function liveCapture(): Promise<string[]> {
  try {
    const program = await captureProgram()
    return [basename(program), `${program} may capture on every interface`]
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    const { message, hint = '' } = error
    return ['not possible', [message, ...hint.split('\n').filter(Boolean)].join('; ')]
  }
}
