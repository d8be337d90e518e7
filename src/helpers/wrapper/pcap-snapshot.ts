import { z } from 'zod'
import { accountOf, given } from '../aws/account.ts'
import { type Bucket, bucketTarget, checkBucketName, putFile, rehearsePutFile } from '../aws/s3.ts'
import { removeTree } from '../data-folder.ts'
import { endingIn } from '../deadline.ts'
import { type HelperHost, helper } from '../helper.ts'
import { refuseOnHub } from '../pcap.ts'
import { packCapture } from './capture-archive.ts'

const NAME = 'wrapper.pcapSnapshot'

export const pcapSnapshot = helper({
  effect: 'network',
  doc: 'Packs the packets of all streams that are kept, and the names that addresses have had, into `kubeshark_<UNIX seconds>.tar.gz`, uploads it to S3 and returns its address. Nothing of it stays in the data folder.',
  params: {
    region: z.string().describe('Region of the bucket'),
    keyID: z.string().optional().describe('Access key id'),
    accessKey: z.string().optional().describe('Secret access key'),
    bucket: z.string().optional().describe('Bucket, needed'),
  },
  returns: z.string(),
  target: (args, host) => bucketTarget(bucketOf(args), host),
  example: `jobs.schedule('snapshot', '0 0 * * * *', function () {\n  console.log(wrapper.pcapSnapshot(env.AWS_REGION, env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.S3_BUCKET))\n})`,
  run: (args, host) => snapshotTo(bucketOf(args), host, putFile),
  rehearsed: (args, host) => snapshotTo(bucketOf(args), host, rehearsePutFile),
})

async function snapshotTo(bucket: Bucket, calling: HelperHost, put: typeof putFile): Promise<string> {
  const host = endingIn(SNAPSHOT_MS, calling)
  refuseOnHub(host)
  const archive = await packCapture(
    {
      prefix: '',
      capture: async (target) => host.packets.writeMerged(await host.packets.streams(), target),
    },
    host,
  )
  try {
    return await put(NAME, bucket, archive, host)
  } finally {
    await removeTree(host.files, host.files.resolve(archive))
  }
}

interface Login {
  readonly region: string
  readonly keyID?: string | undefined
  readonly accessKey?: string | undefined
  readonly bucket?: string | undefined
}

function bucketOf({ region, keyID, accessKey, bucket }: Login): Bucket {
  return {
    name: checkBucketName(NAME, given(bucket)),
    account: accountOf(NAME, given(region), given(keyID), given(accessKey)),
  }
}

const SNAPSHOT_MS = 50_000
