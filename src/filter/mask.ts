import { REDACTED } from '../entry/redacted.ts'

/**
 * Masks the values at `path` in a plain JSON value, in place: `request.headers.Authorization`, names in any case,
 * `a[0].b`, `a["b c"]`, `..email` for a name at any depth below, and `.json()` to go into JSON text.
 */
export function mask(value: unknown, path: string): void {
  maskAt(value, stepsOf(path))
}

interface Step {
  readonly name: string
  readonly kind: 'member' | 'anywhere' | 'json'
}

function stepsOf(path: string): Step[] {
  return [...path.matchAll(STEP)].map(([, dots, name, bracket]) => {
    if (dots !== '..' && name === 'json()') return { name, kind: 'json' }
    return { name: name ?? (bracket as string), kind: dots === '..' ? 'anywhere' : 'member' }
  })
}

function maskAt(value: unknown, steps: readonly Step[]): void {
  const [step, next] = steps
  if (step === undefined || typeof value !== 'object' || value === null) return
  const record = value as Record<string, unknown>
  for (const key of Object.keys(record)) {
    if (key.toLowerCase() === step.name.toLowerCase()) maskMember(record, key, steps.slice(1), next)
    else if (step.kind === 'anywhere') maskAt(record[key], steps)
  }
}

function maskMember(
  record: Record<string, unknown>,
  key: string,
  rest: readonly Step[],
  next: Step | undefined,
) {
  if (next === undefined) record[key] = REDACTED
  else if (next.kind === 'json') record[key] = maskedJson(record[key], rest.slice(1))
  else maskAt(record[key], rest)
}

/** Text that is no JSON might hold what is to be masked all the same. */
function maskedJson(text: unknown, steps: readonly Step[]): string {
  if (steps.length === 0) return REDACTED
  try {
    const value: unknown = JSON.parse(String(text))
    maskAt(value, steps)
    return JSON.stringify(value)
  } catch {
    return REDACTED
  }
}

const STEP = /(\.\.|\.|^)([^.[\]]+)|\["?([^"\]]*)"?\]/g
