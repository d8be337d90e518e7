import { Mistake } from '../mistake/mistake.ts'
import type { Losses } from './source.ts'

/** What to capture. */
export interface CaptureRequest {
  /** Names as the system has them. `any` is all interfaces at once, with a link type of its own (Linux only). */
  readonly interfaces: readonly string[] | 'any'
  /** A libpcap filter (BPF): `tcp port 80`. "" = all packets. */
  readonly filter: string
  /** The kernel's buffer, in MiB. */
  readonly bufferMiB: number
  /** Of a capture of all interfaces: without word of which interface each packet was on, for systems that cannot tell. */
  readonly anonymous?: boolean
}

/** A program that captures for us: how to call it, and what its words mean. All its words are English. */
export interface CaptureTool {
  readonly name: 'dumpcap' | 'tcpdump'
  readonly install: string
  /** Writes pcap or pcapng to standard output. */
  arguments(request: CaptureRequest): string[]
  /** Says whether there is something wrong with the filter, and captures nothing. */
  checkArguments(request: CaptureRequest): string[]
  /** Out of what it printed when it ended. */
  losses(printed: string): Losses | undefined
  /** Its complaint about the filter, if that is what it printed. */
  filterComplaint(printed: string, request: CaptureRequest): string | undefined
}

/**
 * Wireshark's. Lost nothing in 200,000 packets and brings each after a tenth of a second. Writes pcapng, which has
 * nanoseconds and the names of the interfaces.
 */
export const dumpcap: CaptureTool = {
  name: 'dumpcap',
  install: 'apt-get install tshark',

  // What stands before the first -i holds for all of them.
  arguments: ({ interfaces, filter, bufferMiB, anonymous }) => [
    ...['-q', '-n', '-w', '-', '-B', String(bufferMiB)],
    ...(filter === '' ? [] : ['-f', filter]),
    ...(interfaces === 'any' ? ['any'] : interfaces).flatMap((name) => ['-i', name]),
    ...named(interfaces, anonymous),
  ],

  checkArguments: ({ interfaces, filter }) => [
    ...['-d', ...(filter === '' ? [] : ['-f', filter])],
    ...(interfaces === 'any' ? ['any'] : interfaces).flatMap((name) => ['-i', name]),
  ],

  // Packets received/dropped on interface 'lo': 9/3 (pcap:1/dumpcap:0/flushed:2/ps_ifdrop:0) (75.0%)
  losses(printed) {
    const lines = [...printed.matchAll(/pcap:(\d+)\/dumpcap:(\d+)\/flushed:(\d+)\/ps_ifdrop:(\d+)/g)]
    if (lines.length === 0) return undefined
    const total = (group: number) => lines.reduce((sum, line) => sum + Number(line[group]), 0)
    return { kernel: total(1), interface: total(4), tool: total(2) + total(3) }
  },

  filterComplaint(printed) {
    if (!printed.includes('Invalid capture filter')) return undefined
    return /isn't a valid capture filter \((.*)\)\./.exec(printed)?.[1] ?? printed.trim()
  },
}

/**
 * Smaller, and installed in more places. With `-U` it loses about one packet in a hundred of what dumpcap loses none of,
 * and brings some nearly a second late; `--immediate-mode` is quick, and loses one in seven.
 */
export const tcpdump: CaptureTool = {
  name: 'tcpdump',
  install: 'apt-get install tcpdump',

  arguments({ interfaces, filter, bufferMiB, anonymous }) {
    if (interfaces !== 'any' && interfaces.length !== 1)
      throw new Mistake('E_CAPTURE_TOOL', 'tcpdump captures on one interface, or on any', {
        hint: `For ${interfaces.join(' and ')} together use dumpcap: ${dumpcap.install}`,
      })
    const name = interfaces === 'any' ? 'any' : interfaces.join()
    const base = ['-U', '-n', '-w', '-', '-B', String(bufferMiB * 1024), '-i', name]
    const all = [...base, ...named(interfaces, anonymous)]
    return filter === '' ? all : [...all, '--', filter]
  },

  checkArguments({ interfaces, filter }) {
    const base = ['-d', '-i', interfaces === 'any' ? 'any' : (interfaces[0] ?? 'any')]
    return filter === '' ? base : [...base, '--', filter]
  },

  losses(printed) {
    const kernel = /(\d+) packets? dropped by kernel/.exec(printed)?.[1]
    if (kernel === undefined) return undefined
    const byInterface = /(\d+) packets? dropped by interface/.exec(printed)?.[1] ?? 0
    return { kernel: Number(kernel), interface: Number(byInterface) }
  },

  // It has no words of its own for this: libpcap's "syntax error", "unknown host", "illegal token" stand alone.
  filterComplaint(printed, { filter }) {
    if (filter === '' || refersToInterface(printed)) return undefined
    const complaint = lastLine(printed).replace(/^tcpdump: /, '')
    return /^data link type \S+$/.test(complaint) ? undefined : complaint
  },
}

/** With all interfaces at once: the link type that says which one a packet was on. libpcap has it since 1.10. */
function named(interfaces: CaptureRequest['interfaces'], anonymous = false): readonly string[] {
  return interfaces === 'any' && !anonymous ? ['-y', NAMING] : []
}

/** Whether a tool complains that it does not know the link type above. */
export function cannotName(printed: string): boolean {
  return NAMING_REFUSED.test(printed)
}

const NAMING = 'LINUX_SLL2'
const NAMING_REFUSED = /LINUX_SLL2 is not one of|LINUX_SLL2" isn't valid|invalid data link type/

/** The mistake behind a capture that never began, from what the tool printed. */
export function mistakeOf(
  tool: CaptureTool,
  request: CaptureRequest,
  printed: string,
  existing: readonly string[],
): Mistake {
  const where = request.interfaces === 'any' ? 'any' : request.interfaces.join(', ')
  if (NO_SUCH_DEVICE.test(printed))
    return new Mistake('E_CAPTURE_REFUSED', `there is no interface ${missingDevice(printed) ?? where}`, {
      hint: `Interfaces here: ${existing.join(', ') || 'none that may be seen'}`,
    })
  if (NO_PERMISSION.test(printed))
    return new Mistake('E_CAPTURE_REFUSED', `${tool.name} may not capture on ${where}`, {
      hint: permit(tool),
    })
  const complaint = tool.filterComplaint(printed, request)
  if (complaint !== undefined)
    return new Mistake(
      'E_CAPTURE_FILTER',
      `the capture filter "${request.filter}" is not valid: ${complaint}`,
      {
        hint: 'Filters are written as in tcpdump: man pcap-filter',
      },
    )
  const words = complaintIn(printed).replace(`${tool.name}: `, '')
  return new Mistake(
    'E_CAPTURE_REFUSED',
    `${tool.name} cannot capture on ${where}: ${words || 'it did not say why'}`,
  )
}

/** How to let `tool` capture. */
export function permit(tool: { readonly name: string }): string {
  const once = `Run with sudo, or allow it once: sudo setcap cap_net_raw,cap_net_admin=eip $(which ${tool.name})`
  if (process.getuid?.() !== 0) return once
  return `${once}\nRoot in a container has to be given it: docker run --cap-add=NET_RAW --cap-add=NET_ADMIN …`
}

/** The one line that matters of what a tool printed as it failed. */
export function complaintIn(printed: string): string {
  const lines = printed.split('\n').filter((line) => line.trim() !== '' && !CHATTER.test(line))
  return lines.find((line) => /^(dumpcap|tcpdump): /.test(line)) ?? lines.at(-1) ?? ''
}

const NO_SUCH_DEVICE = /no device named|No such device/i
const NO_PERMISSION = /permission|not permitted/i
const NOT_UP = /is not up|network is down|could not be initiated/i
const CHATTER =
  /^(Capturing on|File: |Packets |tcpdump: (listening|verbose|data link type|dropped privs)|\d+ packets? )/

function refersToInterface(printed: string): boolean {
  return NO_SUCH_DEVICE.test(printed) || NO_PERMISSION.test(printed) || NOT_UP.test(printed)
}

function missingDevice(printed: string): string | undefined {
  return /no device named "(.+)"/i.exec(printed)?.[1] ?? /^tcpdump: (\S+): No such device/m.exec(printed)?.[1]
}

function lastLine(printed: string): string {
  return printed.trimEnd().split('\n').at(-1) ?? ''
}
