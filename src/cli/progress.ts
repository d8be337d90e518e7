import { bytes, count } from './table.ts'

/** A bar on a terminal, nothing anywhere else. Lines of output go above it. */
export class ProgressBar {
  readonly #terminal: NodeJS.WriteStream
  readonly #startedAt = performance.now()
  #shown = false

  constructor(terminal: NodeJS.WriteStream) {
    this.#terminal = terminal
  }

  update(bytesRead: number, totalBytes: number, packets: number): void {
    if (!this.#terminal.isTTY || process.env.TERM === 'dumb') return
    if (performance.now() - this.#startedAt < PATIENCE_MS) return
    const read = totalBytes > 0 ? `${bytes(bytesRead)} of ${bytes(totalBytes)}` : bytes(bytesRead)
    const text = `${read}, ${count(packets)} packets`
    const room = (this.#terminal.columns || 80) - 1
    // A line that wraps cannot be taken away again.
    const withBar = totalBytes > 0 && WIDTH + 1 + text.length <= room
    this.#terminal.write(
      `\r\x1b[K${(withBar ? `${bar(bytesRead / totalBytes)} ${text}` : text).slice(0, room)}`,
    )
    this.#shown = true
  }

  /** Takes the bar away; it comes back with the next update. */
  clear(): void {
    if (!this.#shown) return
    this.#terminal.write('\r\x1b[K')
    this.#shown = false
  }
}

function bar(share: number): string {
  const full = Math.round(Math.min(share, 1) * WIDTH)
  return `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)}`
}

const WIDTH = 24
/** Short captures are done before a bar would help. */
const PATIENCE_MS = 500
