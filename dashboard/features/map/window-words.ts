/** `in the last 5 min`; of 0, which is all that is kept, `in all that is kept`. */
export function windowWords(seconds: number): string {
  return seconds === 0 ? 'in all that is kept' : `in the last ${windowTitle(seconds)}`
}

export function windowTitle(seconds: number): string {
  if (seconds === 0) return 'All kept'
  return seconds < 3600 ? `${seconds / 60} min` : `${seconds / 3600} h`
}
