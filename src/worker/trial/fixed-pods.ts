import type { PodSource } from '../../agent/pod-delivery.ts'
import { type KnownChange, readObject } from '../../cluster/objects.ts'
import { podReason } from '../../cluster/pod-reasons.ts'
import { RecentPods } from '../../cluster/recent-pods.ts'
import type { PodFixture } from '../../wire/trials.ts'

/** Changes of pods that somebody has written down, as if a cluster told of them. */
export class FixedPods implements PodSource {
  readonly recent = new RecentPods()
  readonly #changes: readonly KnownChange[]

  /** In the order of their times. */
  constructor(fixtures: readonly PodFixture[]) {
    this.#changes = changesOf(fixtures.toSorted((a, b) => a.at - b.at))
    this.recent.take(this.#changes)
  }

  get firstMs(): number | undefined {
    return this.#changes[0]?.at
  }

  get lastMs(): number | undefined {
    return this.#changes.at(-1)?.at
  }

  /** All of them at once: who listens keeps each until it is its time. */
  onChanges(listener: (changes: readonly KnownChange[]) => void): () => void {
    listener(this.#changes)
    return () => {}
  }
}

function changesOf(fixtures: readonly PodFixture[]): KnownChange[] {
  const known = new Map<string, KnownChange['object']>()
  return fixtures.flatMap(({ at, event, pod }): KnownChange[] => {
    const object = readObject('pod', pod)
    if (object === undefined) return []
    const key = `${object.metadata.namespace}/${object.metadata.name}`
    const reason = podReason(event, known.get(key), object)
    if (event === 'DELETED') known.delete(key)
    else known.set(key, object)
    return [{ kind: 'pod', type: event, at, object, ...(reason === undefined ? {} : { reason }) }]
  })
}
