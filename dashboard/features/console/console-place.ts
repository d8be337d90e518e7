import type { ConsoleLevel } from '../../../src/wire/console.ts'

/** What is shown of the console, as the address of the page says. Absent: all of it. */
export interface ConsolePlace {
  /** Identity. */
  readonly agent?: string
  readonly node?: string
  readonly levels: readonly ConsoleLevel[]
  readonly searched: string
}

export const LEVELS = ['error', 'warn', 'info', 'log', 'debug'] as const satisfies readonly ConsoleLevel[]

export function readPlace(params: URLSearchParams): ConsolePlace {
  const agent = params.get('agent')
  const node = params.get('node')
  const wanted = params.get('level')?.split(',') ?? []
  return {
    ...(agent ? { agent } : {}),
    ...(node ? { node } : {}),
    levels: LEVELS.filter((level) => wanted.includes(level)),
    searched: params.get('q') ?? '',
  }
}

/** Only what is not as it is without saying. */
export function writePlace({ agent, node, levels, searched }: ConsolePlace): URLSearchParams {
  const isLimited = levels.length > 0 && levels.length < LEVELS.length
  return new URLSearchParams({
    ...(agent === undefined ? {} : { agent }),
    ...(node === undefined ? {} : { node }),
    ...(isLimited ? { level: levels.join(',') } : {}),
    ...(searched === '' ? {} : { q: searched }),
  })
}
