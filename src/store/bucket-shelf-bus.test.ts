import type { TestContext } from 'node:test'
import { openBus } from '../bus/index.ts'
import { describeBucketStore } from '../testing/describe-bucket-store.ts'
import { natsServer } from '../testing/nats-server.ts'
import { NATS_SETTINGS } from '../testing/nats-settings.ts'
import { BUCKETS } from '../wire/subjects.ts'

describeBucketStore('a bucket of a bus in one process', (t) => bucketsAt(t, ''))

describeBucketStore('a bucket of NATS', async (t) => {
  const server = await natsServer(t)
  // Where there is none the test is skipped, whatever it is given.
  return bucketsAt(t, server?.url ?? '')
})

/** Each time over a connection of its own, where buses are connections. */
async function bucketsAt(t: TestContext, url: string) {
  const open = () => openBus({ nats: { ...NATS_SETTINGS, url }, folder: null, mayWait: false })
  const first = await open()
  t.after(() => first.close())
  return async () => {
    const bus = url === '' ? first : await open()
    if (bus !== first) t.after(() => bus.close())
    return bus.bucket({ name: BUCKETS.agents })
  }
}
