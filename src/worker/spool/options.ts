import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Where packets are kept for `pcap.*`, so that one thread can write them and another read them without talking. */
export interface SpoolOptions {
  readonly folder: string
  /** Disk that it may take; the oldest packets go first. */
  readonly maxBytes: number
  /** Number of the first connection; 0 by default. */
  readonly firstStream?: number | undefined
  /** Position of the newest record of each connection plus one, by its number from the first on: f64, growable; 0 = none. */
  readonly heads: SharedArrayBuffer
}

/** Bytes of a segment file; the oldest goes as a whole. */
export const SEGMENT_BYTES = 16 << 20

/**
 * A record: f64 position + 1 of the previous record of the connection, f64 seconds, u32 nanos, u32 captured length,
 * u32 length on the wire, u32 interface, then the bytes.
 */
export const RECORD_HEADER = 32

export function segmentPath(folder: string, position: number): string {
  return join(folder, `${String(Math.floor(position / SEGMENT_BYTES)).padStart(6, '0')}.spool`)
}

export const INTERFACES_FILE = 'interfaces.json'
/** Of a spool whose writer is done: its heads, for those who read it later. */
export const HEADS_FILE = 'heads.f64'

/** Spools of processes that are gone. Folders are named after the process. */
export function removeStaleSpools(parent: string): void {
  for (const name of namesIn(parent))
    if (/^\d+$/.test(name) && !isAlive(Number(name))) removeSpool(join(parent, name))
}

/** One that belongs to another user, as after a run with sudo, stays until that user comes back. */
export function removeSpool(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true })
  } catch {
    // See above.
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
