interface Box {
  readonly width: number
  readonly height: number
  readonly most?: number
}

/** The outline of values over time as the path of an SVG, from edge to edge; "" of fewer than two. */
export function linePath(
  points: readonly { readonly at: number; readonly value: number }[],
  { width, height, most = Math.max(0, ...points.map(({ value }) => value)) }: Box,
): string {
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined || first.at >= last.at) return ''
  const scale = most > 0 ? (height - 2) / most : 0
  const x = (at: number) => round(((at - first.at) / (last.at - first.at)) * width)
  const y = (value: number) => round(height - 1 - Math.min(value, most) * scale)
  return points.map(({ at, value }, index) => `${index === 0 ? 'M' : 'L'} ${x(at)} ${y(value)}`).join(' ')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
