import { Mistake } from '../../mistake/mistake.ts'

/** Where a page ended: rows before this one are next, then those of older segments. */
export interface Cursor {
  readonly segment: number
  readonly row: number
  /** Entries that the filter still wants, when it says how many. */
  readonly left: number | undefined
}

export function cursorText({ segment, row, left }: Cursor): string {
  return left === undefined ? `${segment}.${row}` : `${segment}.${row}.${left}`
}

/** Throws E_REQUEST. */
export function readCursor(text: string): Cursor {
  const match = /^(\d{1,15})\.(\d{1,9})(?:\.(\d{1,15}))?$/.exec(text)
  if (match === null)
    throw new Mistake('E_REQUEST', 'the cursor is none of ours', {
      hint: 'leave it out to begin with the newest',
    })
  const [, segment, row, left] = match
  return { segment: Number(segment), row: Number(row), left: left === undefined ? undefined : Number(left) }
}
