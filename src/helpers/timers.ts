import { z } from 'zod'
import { namespace, rest, sandboxHelper, typed } from './helper.ts'

const start = (doc: string, example: string) =>
  sandboxHelper({
    doc,
    params: {
      task: typed('(...args: any[]) => void').describe('What to call'),
      delay: z.number().optional().describe('Milliseconds; up to years'),
      args: rest(typed('any')).describe('What it is called with'),
    },
    returns: z.number().describe('For clearing it'),
    example,
  })

const clear = (doc: string, example: string) =>
  sandboxHelper({
    doc,
    params: { timer: z.number().optional().describe('What setting it returned') },
    returns: z.void(),
    example,
  })

export const timers = namespace(
  '',
  'Global functions. All timers of a script end with it; what they throw goes to its console. At most 10,000 can wait.',
  {
    setTimeout: start(
      'Calls a function once, later.',
      `setTimeout(function () {\n  console.log('a second later')\n}, 1000)`,
    ),
    clearTimeout: clear(
      'Forgets a call that has not happened yet.',
      `var timer = setTimeout(function () {}, 1000)\nclearTimeout(timer)`,
    ),
    setInterval: start(
      'Calls a function again and again.',
      `setInterval(function () {\n  console.log('still here')\n}, 60000)`,
    ),
    clearInterval: clear(
      'Ends the calls.',
      `var timer = setInterval(function () {}, 1000)\nclearInterval(timer)`,
    ),
  },
)
