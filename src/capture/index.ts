import { createReadStream, fstatSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { isatty } from 'node:tty'
import { Mistake } from '../mistake/mistake.ts'
import { openFile, openStream } from './file.ts'
import { type LiveOptions, openLive } from './live.ts'
import { openReplay } from './replay.ts'
import type { PacketSource } from './source.ts'

export { captureProgram, complaintAbout, type LiveOptions } from './live.ts'
export type { Losses, PacketSource, Progress, Skipped } from './source.ts'

/** A capture file, where `-` is standard input, or live interfaces. */
export type CaptureOptions = FileOptions | LiveOptions

export interface FileOptions {
  readonly path: string
  /** Read it again and again, as if it happened now. */
  readonly replay?: boolean
  /** What `-` stands for. */
  readonly stdin?: Readable
}

/** Whether packets happen while they are read, so that time is what it is for everybody, and nobody waits for a reader. */
export function isLive(options: CaptureOptions): boolean {
  return !('path' in options) || options.replay === true
}

/**
 * Opens a source of packets. What can be known now to be wrong is thrown now, as a `Mistake`; the rest when the
 * packets are asked for. Until then nothing is held: no file is open and no program runs.
 */
export function openCapture(options: CaptureOptions): PacketSource {
  if (!('path' in options)) return openLive(options)
  if (options.replay === true) return openReplay(options.path)
  return options.path === '-' ? openStream(options.stdin ?? standardInput()) : openFile(options.path)
}

/**
 * Standard input, in whatever thread. Other parts of the process may have made a pipe non-blocking, where reading it
 * as a file fails with EAGAIN, so it is read as a socket.
 */
function standardInput(): Readable {
  if (isatty(0))
    throw new Mistake('E_CAPTURE_OPEN', 'standard input is a terminal, not a capture', {
      hint: 'pipe one into it: tcpdump -w - | remora run agents/ --pcap -',
    })
  const stats = fstatSync(0)
  return stats.isFIFO() || stats.isSocket()
    ? new Socket({ fd: 0, readable: true, writable: false })
    : createReadStream('', { fd: 0 })
}
