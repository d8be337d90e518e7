export const SEVERITIES = ['info', 'warning', 'error', 'critical'] as const

export type Severity = (typeof SEVERITIES)[number]

/** How bad it is: grows. */
export function rankOf(severity: Severity): number {
  return SEVERITIES.indexOf(severity)
}

export function worst(a: Severity, b: Severity): Severity {
  return rankOf(a) > rankOf(b) ? a : b
}
