import type { NodeView } from '../../src/wire/views.ts'

/** How many queued calls were given up since this was asked last. Those before a program was seen first are not new. */
export class DeadCounts {
  readonly #boots = new Set<string>()
  readonly #known = new Map<string, number>()

  more(nodes: readonly Pick<NodeView, 'boot' | 'outbox'>[]): number {
    let more = 0
    for (const { boot, outbox = [] } of nodes) {
      const isNew = !this.#boots.has(boot)
      this.#boots.add(boot)
      for (const { agent, helper, dead } of outbox) {
        const key = JSON.stringify([boot, agent, helper])
        // It goes down when calls are sent again.
        more += Math.max(dead - (this.#known.get(key) ?? (isNew ? dead : 0)), 0)
        this.#known.set(key, dead)
      }
    }
    return more
  }
}
