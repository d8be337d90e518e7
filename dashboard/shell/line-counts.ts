import type { NodeView } from '../../src/wire/views.ts'

/** How many console lines agents have printed since this was asked last; the first time there is nothing to compare with. */
export class LineCounts {
  #before: ReadonlyMap<string, number> | undefined

  more(nodes: readonly Pick<NodeView, 'node' | 'boot' | 'agents'>[]): number {
    const now = new Map(
      nodes.flatMap(({ node, boot, agents }) =>
        agents.map(
          ({ id, component, lines }) => [JSON.stringify([node, boot, id, component]), lines] as const,
        ),
      ),
    )
    const before = this.#before
    this.#before = now
    if (before === undefined) return 0
    return now.entries().reduce((sum, [key, lines]) => sum + grown(before.get(key) ?? 0, lines), 0)
  }
}

/** An agent that is loaded anew begins to count anew. */
function grown(before: number, now: number): number {
  return now >= before ? now - before : now
}
