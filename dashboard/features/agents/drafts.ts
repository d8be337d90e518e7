import type { Text } from './editing.ts'

/** What somebody has written and not saved, kept in this browser. */
export interface Draft extends Text {
  /** Version that it was made of; 0 for a new agent. */
  readonly version: number
  /** ms since the epoch */
  readonly at: number
}

/** Drafts by identity of the agent. Where nothing can be kept, none is. */
export class Drafts {
  readonly #storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

  constructor(storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>) {
    this.#storage = storage
  }

  of(agent: string): Draft | undefined {
    try {
      const read: unknown = JSON.parse(this.#storage.getItem(keyOf(agent)) ?? 'null')
      return isDraft(read) ? read : undefined
    } catch {
      return undefined
    }
  }

  keep(agent: string, draft: Draft): void {
    try {
      this.#storage.setItem(keyOf(agent), JSON.stringify(draft))
    } catch {
      // There is no room: the page still warns before it is left.
    }
  }

  drop(agent: string): void {
    try {
      this.#storage.removeItem(keyOf(agent))
    } catch {
      // What cannot be kept is not there.
    }
  }
}

function keyOf(agent: string): string {
  return `remora.draft.${agent}`
}

function isDraft(value: unknown): value is Draft {
  if (typeof value !== 'object' || value === null) return false
  const { title, code, version, at } = value as Record<string, unknown>
  return (
    typeof title === 'string' &&
    typeof code === 'string' &&
    typeof version === 'number' &&
    typeof at === 'number'
  )
}
