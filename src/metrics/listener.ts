import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/**
 * Who listens on a TCP port of this machine: `nginx (process 812)`, or `another program` when it is not ours to see.
 * Undefined when nobody does, or when the system does not say (it does on Linux).
 */
export function whoListens(port: number): string | undefined {
  const inodes = listenersOn(port)
  if (inodes.size === 0) return undefined
  for (const pid of entriesOf('/proc').filter((name) => /^\d+$/.test(name)))
    for (const descriptor of entriesOf(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(targetOf(`/proc/${pid}/fd/${descriptor}`))?.[1]
      if (inode !== undefined && inodes.has(inode))
        return `${textOf(`/proc/${pid}/comm`).trim() || 'a program'} (process ${pid})`
    }
  return 'another program'
}

function listenersOn(port: number): Set<string> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const inodes = new Set<string>()
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6'])
    for (const line of textOf(table).split('\n')) {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/)
      if (local.endsWith(`:${hex}`) && state === LISTEN && inode !== undefined) inodes.add(inode)
    }
  return inodes
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // Processes come and go, and those of others are not ours to see.
    return []
  }
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return ''
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** State of a socket in the kernel's tables. */
const LISTEN = '0A'
