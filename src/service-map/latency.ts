import { binOf } from '../shared-state/quantiles.ts'

/** Which bin a reply is counted in that took so many µs: any quantile is right within 1 %. */
export function latencyBin(us: number): number {
  return binOf(Math.max(1, us))
}
