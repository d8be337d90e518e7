import { once } from 'node:events'
import { printableLines } from './text.ts'

/** Writes a line, and waits while who reads it is behind. */
export async function printLineTo(stream: NodeJS.WriteStream, line: string): Promise<void> {
  if (!stream.write(`${line}\n`)) await once(stream, 'drain')
}

export async function printJson(value: object): Promise<void> {
  await printLineTo(process.stdout, JSON.stringify(value))
}

/** Prints what may have names in it that others gave. */
export function print(text: string): void {
  process.stdout.write(`${printableLines(text)}\n`)
}

export function note(text: string): void {
  process.stderr.write(`remora: ${printableLines(text)}\n`)
}

/** Says once that the connection is lost, and once that it is there again. */
export const connectionNotes = {
  lost: (why: string) => note(`${why}; trying again`),
  restored: () => note('connected again'),
}
