import type { TestContext } from 'node:test'
import type { Bucket } from '../bus/bus.ts'
import { openBucketStore } from '../store/bucket-shelf.ts'
import { describeAgentStore } from './describe-agent-store.ts'

/**
 * The contract of the agents' store over buckets of some bus. `openBucket` is called for each test, and answers how to open a
 * bucket, empty at first: each time the same one, over a connection of its own if that can be.
 */
export function describeBucketStore(
  name: string,
  openBucket: (t: TestContext) => Promise<() => Promise<Bucket>>,
): void {
  describeAgentStore(name, async (t) => {
    const open = await openBucket(t)
    const bucket = await open()
    return {
      open: async (rules) => openBucketStore(await open(), { ...rules, description: name }),
      documents: async () => {
        const documents = new Map<string, string>()
        for (const key of await bucket.keys()) {
          const kept = await bucket.get(key)
          if (kept !== undefined) documents.set(key, Buffer.from(kept.value).toString())
        }
        return documents
      },
      spoil: async (key, content) => {
        await bucket.put(key, Buffer.from(content))
      },
    }
  })
}
