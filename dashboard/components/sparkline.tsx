import { formatDuration } from '../lib/format.ts'
import classes from './sparkline.module.css'
import { linePath } from './sparkline-path.ts'

interface Props {
  readonly points: readonly { readonly at: number; readonly value: number }[]
  /** For those who do not see it: what it is of. */
  readonly label: string
  /** What the top is; the largest value when absent. */
  readonly most?: number
  readonly width?: number
  readonly height?: number
}

/** How a number went in the last minutes. Beside it stands the number as it is now. */
export function Sparkline({ points, label, most, width = 96, height = 22 }: Props) {
  const path = linePath(points, { width, height, ...(most === undefined ? {} : { most }) })
  const [first, last] = [points[0], points.at(-1)]
  const span = first === undefined || last === undefined ? '' : `, last ${formatDuration(last.at - first.at)}`
  return (
    <svg className={classes.line} width={width} height={height} role="img" aria-label={`${label}${span}`}>
      {path !== '' && (
        <>
          <path className={classes.area} d={`${path} V ${height} H 0 Z`} />
          <path className={classes.stroke} d={path} />
        </>
      )}
    </svg>
  )
}
