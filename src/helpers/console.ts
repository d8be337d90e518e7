import { z } from 'zod'
import { namespace, rest, sandboxHelper, typed } from './helper.ts'

const values = rest(typed('any')).describe('Text as it is; other values as JSON; joined by a space')

const level = (doc: string, example: string) =>
  sandboxHelper({ doc, params: { values }, returns: z.void(), example })

export const consoleHelpers = namespace('console', 'Lines on the console of this script.', {
  log: level('Writes a line.', `console.log('started at', new Date().toISOString(), { ok: true })`),
  error: level('Writes a line flagged as an error.', `console.error('the ledger does not add up')`),
  warn: level('Writes a line flagged as a warning.', `console.warn('half of the calls failed')`),
  info: level('Writes a line.', `console.info('a new minute')`),
  debug: level('Writes a line for finding mistakes.', `console.debug('counters', { calls: 3 })`),
  clear: sandboxHelper({
    doc: 'Removes the lines of this script from the console, those of all components.',
    params: {},
    returns: z.void(),
    example: `console.clear()\nconsole.log('the newest report')`,
  }),
})
