import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CaptureInterface } from '../../packet/batch.ts'
import { INTERFACES_FILE, RECORD_HEADER, type SpoolOptions } from './options.ts'
import type { SegmentFiles } from './segment-files.ts'

/** Position of the newest record of a stream plus one; 0: nothing was kept of it. */
export function headOf(
  stream: string,
  { heads, firstStream = 0 }: Pick<SpoolOptions, 'heads' | 'firstStream'>,
): number {
  const number = streamNumber(stream)
  return number === undefined ? 0 : (new Float64Array(heads)[number - firstStream] ?? 0)
}

/** 42 of `000000000042.pcap`. */
export function streamNumber(stream: string): number | undefined {
  const number = /^(\d{1,15})(?:_[a-z]+)?\.pcap$/.exec(stream)?.[1]
  return number === undefined ? undefined : Number(number)
}

/** The record there, with so many of its bytes at most; undefined when it is gone. */
export function recordAt(position: number, files: SegmentFiles, snap = Number.POSITIVE_INFINITY) {
  const header = Buffer.alloc(RECORD_HEADER)
  if (!files.read(position, header, RECORD_HEADER)) return undefined
  const captured = header.readUInt32LE(20)
  const bytes = Buffer.alloc(Math.min(captured, snap))
  if (!files.read(position + RECORD_HEADER, bytes, bytes.length)) return undefined
  return {
    bytes,
    captured,
    length: header.readUInt32LE(24),
    seconds: header.readDoubleLE(8),
    nanos: header.readUInt32LE(16),
    interfaceId: header.readUInt32LE(28),
  }
}

export function interfacesOf({ folder }: Pick<SpoolOptions, 'folder'>): CaptureInterface[] {
  try {
    return JSON.parse(readFileSync(join(folder, INTERFACES_FILE), 'utf8')) as CaptureInterface[]
  } catch {
    return [{ name: '', linkType: 1, snapLength: 0 }]
  }
}
