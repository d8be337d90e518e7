import { hostname } from 'node:os'
import { basename } from 'node:path'
import { type Command, Option } from 'commander'
import type { SandboxLevel } from '../agent/launch.ts'
import type { CaptureOptions } from '../capture/index.ts'
import type { Config } from '../config/index.ts'
import { Mistake } from '../mistake/mistake.ts'
import { collect } from './options.ts'

/** Where packets come from, and how agents on them are held: for commands that capture. */
export interface CaptureFlags {
  readonly pcap?: string[]
  readonly replay?: boolean
  readonly interface?: string[]
  readonly filter?: string
  readonly captureTool?: 'auto' | 'dumpcap' | 'tcpdump'
  readonly requireSandbox?: SandboxLevel
  readonly nodeName?: string
  readonly verifyChecksums?: boolean
}

export function addCaptureOptions(command: Command): Command {
  return command
    .option(
      '--pcap <file>',
      'capture file: pcap or pcapng, plain, .gz or .zst; - for standard input',
      collect,
    )
    .option('--replay', 'read the capture file again and again, as if it happened now')
    .option('--interface <name>', 'capture live; repeat it for several, or say any', collect)
    .option('--filter <bpf>', 'capture filter, such as "port 80 or port 53"')
    .addOption(
      new Option('--capture-tool <tool>', 'program that captures').choices(['auto', 'dumpcap', 'tcpdump']),
    )
    .addOption(
      new Option('--require-sandbox <level>', 'refuse to start with less').choices([
        'full',
        'userns',
        'permission',
      ]),
    )
    .option('--node-name <name>', 'name of this node in console lines; the host name by default')
    .option('--verify-checksums', 'treat packets with wrong checksums as malformed')
}

/** What the flags say. */
export function sourceOf(flags: CaptureFlags): CaptureOptions {
  if ((flags.pcap === undefined) === (flags.interface === undefined))
    throw new Mistake('E_USAGE', 'say where the packets come from: --pcap FILE or --interface NAME', {
      hint: 'remora run agents/ --pcap traffic.pcap\nsudo remora run agents/ --interface any',
    })
  if (flags.replay === true && flags.pcap === undefined)
    throw new Mistake('E_USAGE', '--replay is for capture files', { hint: 'Name one: --pcap FILE' })
  if (flags.pcap === undefined) return liveSource(flags, flags.interface ?? [])
  const [path = '', ...more] = flags.pcap
  if (more.length > 0)
    throw new Mistake('E_USAGE', `a run reads one capture, not ${flags.pcap.join(' and ')}`, {
      hint: `mergecap -w - ${flags.pcap.join(' ')} | remora run … --pcap -`,
    })
  if (flags.filter !== undefined)
    throw new Mistake('E_USAGE', '--filter is for live captures', {
      hint: `tcpdump -r ${path} -w - '${flags.filter}' | remora run … --pcap -`,
    })
  return flags.replay === true ? { path, replay: true } : { path }
}

/** `eth0 lo`, or the name of the file. */
export function sourceName(source: CaptureOptions): string {
  if ('path' in source) return basename(source.path)
  return typeof source.interface === 'string' ? source.interface : source.interface.join(' ')
}

function liveSource({ filter, captureTool }: CaptureFlags, names: readonly string[]): CaptureOptions {
  return {
    interface: names.includes('any') ? 'any' : names,
    ...(filter === undefined ? {} : { filter }),
    ...(captureTool === undefined ? {} : { tool: captureTool }),
  }
}

export function requiredLevel({ requireSandbox }: CaptureFlags, { scripting }: Config): SandboxLevel {
  return requireSandbox ?? (scripting.sandbox === 'auto' ? 'permission' : scripting.sandbox)
}

export function nodeNameOf({ nodeName }: CaptureFlags, { node }: Config): string {
  return nodeName ?? (node.name === '' ? hostname() : node.name)
}
