import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useRef } from 'react'
import classes from './details.module.css'

interface Props {
  readonly label: string
  readonly count: number
  /** px of a line. */
  readonly height: number
  /** At most so many px high; it scrolls beyond. */
  readonly most?: number
  /** Nothing in it can be pressed: the keyboard reaches it as a whole. */
  readonly isText?: boolean
  readonly line: (at: number, top: number) => ReactNode
}

/** Lines of one height, of which only those in sight exist. */
export function FixedList({ label, count, height, most = 420, isText = false, line }: Props) {
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 10,
    useFlushSync: false,
    initialRect: { width: 0, height: most },
  })
  return (
    <section
      ref={scroller}
      className={classes.lines}
      aria-label={label}
      {...(isText ? TEXT : {})}
      style={{ height: Math.min(count * height, most) }}
    >
      <div style={{ height: virtual.getTotalSize(), position: 'relative', minWidth: 'max-content' }}>
        {virtual.getVirtualItems().map(({ index, start }) => line(index, start))}
      </div>
    </section>
  )
}

const TEXT = { role: 'textbox', 'aria-readonly': true, 'aria-multiline': true, tabIndex: 0 } as const
