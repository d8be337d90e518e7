export type Json = Readonly<Record<string, unknown>>

/** An object as the server keeps it. */
export interface FakeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Json & {
    readonly name: string
    /** Undefined where it is one of the whole cluster. */
    readonly namespace?: string
    readonly uid: string
    readonly resourceVersion: string
  }
  readonly [field: string]: unknown
}

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function recordOf(value: unknown): Json {
  return isRecord(value) ? value : {}
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Texts of labels and the like; what is no text is left out. */
export function textsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(recordOf(value)).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  )
}

/** What is at a path such as `spec.nodeName`. */
export function fieldAt(value: unknown, path: string): unknown {
  let found = value
  for (const step of path.split('.')) found = recordOf(found)[step]
  return found
}

/** `2026-01-02T03:04:05Z`, as the API writes times. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
