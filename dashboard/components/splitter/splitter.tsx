import { useLocalStorage } from '@mantine/hooks'
import { type KeyboardEvent, type PointerEvent, useRef } from 'react'
import classes from './splitter.module.css'

export interface SplitterState {
  /** Share of the second pane. */
  readonly share: number
  readonly setShare: (share: number) => void
}

/** How two panes share their room; remembered in this browser under a name. */
export function useSplitter(name: string, first: number): SplitterState {
  const [share, setShare] = useLocalStorage({
    key: `remora.splitter.${name}`,
    defaultValue: first,
    getInitialValueInEffect: false,
  })
  return {
    share: typeof share === 'number' && share >= LEAST && share <= 1 - LEAST ? share : first,
    setShare: (wanted) => setShare(Math.min(Math.max(wanted, LEAST), 1 - LEAST)),
  }
}

interface Props extends SplitterState {
  /** Where the second pane is. */
  readonly direction: 'right' | 'down'
  readonly label: string
}

/** The edge between two panes of a flex box: it is drawn, or moved by the arrow keys. */
export function Splitter({ direction, label, share, setShare }: Props) {
  const isDragged = useRef(false)
  const onPointerDown = (event: PointerEvent) => {
    isDragged.current = true
    event.currentTarget.setPointerCapture(event.pointerId)
  }
  const onPointerMove = ({ currentTarget, clientX, clientY }: PointerEvent) => {
    const box = currentTarget.parentElement?.getBoundingClientRect()
    if (!isDragged.current || box === undefined) return
    setShare(direction === 'right' ? (box.right - clientX) / box.width : (box.bottom - clientY) / box.height)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const step = STEPS[event.key]
    if (step === undefined) return
    event.preventDefault()
    event.stopPropagation()
    setShare(share + step)
  }
  return (
    <hr
      tabIndex={0}
      aria-label={label}
      aria-orientation={direction === 'right' ? 'vertical' : 'horizontal'}
      aria-valuenow={Math.round(share * 100)}
      aria-valuemin={LEAST * 100}
      aria-valuemax={100 - LEAST * 100}
      className={classes.splitter}
      data-direction={direction}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={() => {
        isDragged.current = false
      }}
      onKeyDown={onKeyDown}
    />
  )
}

const LEAST = 0.15
/** To the left, and up, the second pane grows. */
const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: 0.02,
  ArrowUp: 0.02,
  ArrowRight: -0.02,
  ArrowDown: -0.02,
}
