import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import type { ApiFailure } from '../../../src/wire/api.ts'
import { useSubscription } from '../../lib/page-stream.ts'
import { type KeptLine, LineBuffer } from './line-buffer.ts'

export interface Console {
  readonly lines: readonly KeptLine[]
  /** Lines that are not kept here any more. */
  readonly leftOut: number
  /** Lines that came faster than this browser could take them. */
  readonly missed: number
  /** The hub has answered. */
  readonly isThere: boolean
  readonly failure: ApiFailure | undefined
}

/**
 * The console of an agent, by identity, or of all (undefined): what the hub keeps, and what comes, for as long as the component
 * is shown. Others are drawn once a frame at most, however fast lines come. A lost connection costs no line, and doubles none.
 */
export function useConsole(agent: string | undefined): Console {
  const key = `console ${agent ?? ''}`
  const [kept, keep] = useState(() => ({ key, buffer: new LineBuffer() }))
  if (kept.key !== key) keep({ key, buffer: new LineBuffer() })
  const { buffer } = kept
  const [answer, setAnswer] = useState<{ key: string; failure?: ApiFailure }>()
  const [missed, setMissed] = useState({ key, count: 0 })
  const heardAt = useRef<{ key: string; now: number }>(undefined)
  useSubscription(
    key,
    () => ({
      subscribe: 'console',
      ...(agent === undefined ? {} : { agent }),
      ...(heardAt.current?.key === key ? { since: heardAt.current.now - LATE_MS } : { last: MOST_LINES }),
    }),
    {
      onMessage: ({ now, lines, dropped }) => {
        if (now !== undefined) heardAt.current = { key, now }
        setAnswer((before) => (before?.key === key ? before : { key }))
        if (lines !== undefined) buffer.add(lines)
        if (dropped !== undefined)
          setMissed((before) => ({ key, count: (before.key === key ? before.count : 0) + dropped }))
      },
      onError: (failure) => setAnswer({ key, failure }),
    },
  )
  const lines = useFrames(buffer)
  return {
    lines,
    leftOut: buffer.leftOut(),
    missed: missed.key === key ? missed.count : 0,
    isThere: answer?.key === key,
    failure: answer?.key === key ? answer.failure : undefined,
  }
}

/** What is in the buffer, as of the last frame. */
function useFrames(buffer: LineBuffer): readonly KeptLine[] {
  const frames = useMemo(() => new Frames(buffer), [buffer])
  useEffect(() => frames.begin(), [frames])
  return useSyncExternalStore(frames.subscribe, frames.lines)
}

/** Tells of what comes into a buffer so often that it can be drawn. */
class Frames {
  readonly #buffer: LineBuffer
  readonly #listeners = new Set<() => void>()
  #shown: readonly KeptLine[]
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(buffer: LineBuffer) {
    this.#buffer = buffer
    this.#shown = buffer.lines
  }

  /** Answers how to end it. */
  begin(): () => void {
    this.#show()
    const stop = this.#buffer.subscribe(() => {
      this.#timer ??= setTimeout(() => requestAnimationFrame(() => this.#show()), EVERY_MS)
    })
    return () => {
      stop()
      clearTimeout(this.#timer)
      this.#timer = undefined
    }
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly lines = (): readonly KeptLine[] => this.#shown

  #show(): void {
    this.#timer = undefined
    if (this.#shown === this.#buffer.lines) return
    this.#shown = this.#buffer.lines
    for (const listener of this.#listeners) listener()
  }
}

/** How late a line may come: clocks of nodes differ, and a node that was cut off sends its lines afterwards. */
const LATE_MS = 60_000
const MOST_LINES = 10_000
/** A screen of text that changes more often cannot be read. */
const EVERY_MS = 50
