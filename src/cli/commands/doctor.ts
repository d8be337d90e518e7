import { Command } from 'commander'
import { findProgram, prepareJail } from '../../agent/jail.ts'
import { bestLevel } from '../../agent/launch.ts'
import { table } from '../table.ts'

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Say what this machine allows: sandbox, live capture.')
    .action(() => {
      console.log(table(findings()))
    })
}

/** What works, and what would have to be done where something does not. */
function findings(): string[][] {
  const { level, because } = bestLevel()
  const advice: Record<typeof level, string> = {
    full: 'agents have no files, no network, no processes and a user of their own',
    userns: `agents have no files, no network and no processes; not "full", because: ${because}`,
    permission: `only Node's permission model and memory limits hold agents; because: ${because}`,
  }
  const tool = ['dumpcap', 'tcpdump'].find((name) => findProgram(name) !== undefined)
  return [
    ['node', process.version, process.execPath],
    ['sandbox', level, advice[level]],
    ['jail', prepareJail().root, ''],
    [
      'live capture',
      tool ?? 'not possible',
      tool === undefined ? 'install one: apt-get install tshark, or tcpdump' : captureRights(tool),
    ],
  ]
}

function captureRights(tool: string): string {
  if (process.getuid?.() === 0) return 'as root: every interface'
  return `not root: needs sudo, or: sudo setcap cap_net_raw,cap_net_admin=eip ${findProgram(tool)}`
}
