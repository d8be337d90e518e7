import { Mistake } from '../../mistake/mistake.ts'

/** One thing that was looked at. */
export interface Finding {
  readonly what: string
  readonly state: 'ok' | 'warning' | 'not possible'
  readonly why: string
  /** How to mend it. */
  readonly hint?: string
  /** Somebody has asked for it in the configuration, or nothing works without it. */
  readonly isNeeded?: boolean
}

export function ok(what: string, why: string): Finding {
  return { what, state: 'ok', why }
}

export function warning(what: string, why: string, hint: string): Finding {
  return { what, state: 'warning', why, hint }
}

export function notPossible(what: string, why: string, hint: string, isNeeded: boolean): Finding {
  return { what, state: 'not possible', why, hint, isNeeded }
}

/** What a check finds; a Mistake that it throws says what is not possible. */
export async function found(
  what: string,
  isNeeded: boolean,
  check: () => Promise<Finding> | Finding,
): Promise<Finding> {
  try {
    return await check()
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    return notPossible(what, error.message, error.hint ?? '', isNeeded)
  }
}
