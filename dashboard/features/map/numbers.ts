import { formatNumber, formatRate } from '../../lib/format.ts'
import type { Totals } from './service-graph.ts'

/** `0 %`, `0.04 %`, `12 %`; undefined where nothing was counted. */
export function formatShare({ count, errors }: Totals): string {
  if (count === 0 || errors === 0) return '0 %'
  const percent = (errors / count) * 100
  return percent < 0.01 ? '<0.01 %' : `${formatNumber(percent, percent < 1 ? 2 : percent < 10 ? 1 : 0)} %`
}

/** As a rate, of what is rare a minute: `12/s`, `3/min`. */
export function formatPace(count: number, seconds: number): string {
  const perSecond = count / seconds
  if (count === 0 || perSecond >= 0.95) return formatRate(perSecond)
  return `${formatNumber(perSecond * 60, perSecond * 60 < 10 ? 1 : 0)}/min`
}
