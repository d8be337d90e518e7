/** Writes a line in the log of the program. */
export type Note = (level: 'info' | 'warning' | 'error', message: string, more: object) => void
