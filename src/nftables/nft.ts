import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { Mistake } from '../mistake/mistake.ts'

/** Runs nft, and answers what it prints; undefined when there is no such table. Rejects with `E_POLICY`. */
export type NftRunner = (args: readonly string[], input?: string) => Promise<string | undefined>

/** `command`: nft, or what runs it elsewhere, such as `ip netns exec`. */
export function nftBy(command: readonly string[]): NftRunner {
  return (args, input) => run([...command, ...args], input)
}

export const runNft = nftBy(['nft'])

async function run(command: readonly string[], input?: string): Promise<string | undefined> {
  // Standard input of a child of Node is a socket, which nft cannot open by the name /dev/stdin: it takes a pipe.
  const [program = '', ...args] = input === undefined ? command : ['sh', '-c', 'cat | "$@"', 'sh', ...command]
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: LONGEST_MS })
  const started = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  try {
    await started
  } catch (cause) {
    throw notThere((cause as Error).message)
  }
  // It may end before it has read all of it, and says why.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [said, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  if (code === 0) return said
  if (code === NOT_FOUND) throw notThere(firstLine(complaint))
  if (command.includes('list') && /No such file or directory/.test(complaint)) return undefined
  throw refusal(complaint)
}

function notThere(why: string): Mistake {
  return new Mistake('E_POLICY', `nft cannot be run: ${why}`, {
    hint: 'Install nftables on this machine: policies are put in force with it.',
  })
}

function refusal(complaint: string): Mistake {
  if (/Operation not permitted|must be root/i.test(complaint))
    return new Mistake('E_POLICY', 'nftables cannot be changed: the capability NET_ADMIN is missing', {
      hint: 'Run the worker as root, or give it the capability NET_ADMIN.',
    })
  if (/not supported|Protocol not available/i.test(complaint))
    return new Mistake('E_POLICY', `the kernel has no nftables for this: ${firstLine(complaint)}`, {
      hint: 'It needs nf_tables and nf_conntrack, and Linux 5.2 or later.',
    })
  return new Mistake('E_POLICY', `nft has refused it: ${firstLine(complaint)}`)
}

function firstLine(complaint: string): string {
  return (complaint.trim().split('\n')[0] ?? '').slice(0, 300)
}

/** What a shell answers for a program that there is not. */
const NOT_FOUND = 127
const LONGEST_MS = 10_000
