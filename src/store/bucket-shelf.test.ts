import { describeBucketStore } from '../testing/describe-bucket-store.ts'
import { MemoryBucket } from '../testing/memory-bucket.ts'

describeBucketStore('a bucket in memory', async () => {
  const bucket = new MemoryBucket()
  return async () => bucket
})
