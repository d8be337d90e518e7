import type { CaptureView } from '../../../src/wire/captures.ts'
import { formatBytes, formatNumber } from '../../lib/format.ts'

/** What the source of the address stands for, in words. */
export function sourceName(source: string | undefined, captures: readonly CaptureView[]): string {
  if (source === undefined) return 'Live traffic'
  const colon = source.indexOf(':')
  const [kind, name] = [source.slice(0, colon), source.slice(colon + 1)]
  if (kind === 'capture') return captures.find(({ id }) => id === name)?.name ?? 'A capture'
  return kind === 'recording' ? `Recording ${name}` : source
}

/** One line about a capture, beside its name. */
export function captureText(capture: CaptureView): string {
  const { state, progress, bytes, packets, entries, lost, failure } = capture
  if (state === 'failed') return failure?.message ?? 'It could not be read'
  if (state === 'reading') return `${Math.floor(progress * 100)} % read, ${formatNumber(entries)} entries`
  const losses = Object.values(lost).some((count) => count > 0) ? ', not all could be read' : ''
  return `${formatBytes(bytes)}, ${formatNumber(packets)} packets, ${formatNumber(entries)} entries${losses}`
}

/** What was lost in reading, for who asks. */
export function lossText({ lost, problems }: CaptureView): string {
  const counts = Object.entries(lost).map(
    ([why, count]) => `${why.replace('.', ': ')} ${formatNumber(count)}`,
  )
  return [...problems, ...counts].join('\n')
}
