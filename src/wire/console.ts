import { z } from 'zod'

export const CONSOLE_LEVELS = ['log', 'error', 'warn', 'info', 'debug', 'clear'] as const

/** One line of an agent's console. `clear` empties the console of its agent, on all nodes. */
export const consoleLine = z.object({
  id: z.string().describe('Unique: the same line sent twice has the same one'),
  at: z.number().describe('When it was printed, ms since the epoch, by the clock of its node'),
  node: z.string().describe('Name of the node, or `hub`'),
  agent: z.string().describe('Identity of the agent'),
  index: z.number().int(),
  title: z.string(),
  level: z.enum(CONSOLE_LEVELS),
  text: z.string(),
  place: z
    .object({ line: z.number().int(), column: z.number().int() })
    .optional()
    .describe('Of an error: where in the code it arose; both count from 1'),
})

/** Which lines somebody wants to see; what is absent does not limit. */
export const consoleFilter = z.object({
  agent: z.string().optional().describe('Identity, index or title'),
  node: z.string().optional(),
  level: z.enum(CONSOLE_LEVELS).optional(),
  text: z.string().optional().describe('Found in the line, without regard to case'),
  since: z.coerce.number().optional().describe('ms since the epoch'),
  last: z.coerce.number().int().nonnegative().optional().describe('Most recent lines; 0: none'),
})

export type ConsoleLevel = (typeof CONSOLE_LEVELS)[number]
export type ConsoleLine = z.infer<typeof consoleLine>
export type ConsoleFilter = z.infer<typeof consoleFilter>

/** Whether a line is one of those that are wanted. `last` is for who has them all. */
export function wantsLine(filter: ConsoleFilter, line: ConsoleLine): boolean {
  const { agent, node, level, text, since } = filter
  return (
    (agent === undefined || [line.agent, line.title, String(line.index)].includes(agent)) &&
    (node === undefined || line.node === node) &&
    (level === undefined || line.level === level) &&
    (text === undefined || line.text.toLowerCase().includes(text.toLowerCase())) &&
    (since === undefined || line.at >= since)
  )
}

/** `[node-index] text`, as the console prints it (agent-api §4.1). */
export function printLine({ node, index, level, text }: ConsoleLine): string {
  return `[${node}-${index}${level === 'error' ? ':ERROR' : ''}] ${text}`
}
