import { statSync } from 'node:fs'
import { z } from 'zod'
import { accountOf, given, missing } from '../aws/account.ts'
import { isRegion } from '../aws/place.ts'
import {
  type Bucket,
  bucketTarget,
  checkBucketName,
  clearBucket,
  fileAt,
  putFile,
  rehearsePutFile,
} from '../aws/s3.ts'
import { type HelperHost, helper, namespace } from '../helper.ts'
import { dropAside, setAside } from '../set-aside.ts'

const PUT = 'vendor.s3.put'
const CLEAR = 'vendor.s3.clear'
const optionalText = (doc: string) => z.string().optional().describe(doc)

export const s3 = namespace('vendor.s3', 'Files in Amazon S3, and in other stores that speak its language.', {
  put: helper({
    effect: 'network',
    doc: 'Uploads a file of the data folder as `<node>_<ip>_<run>/<file>` and returns its address. Also takes the older order `(region, keyID, accessKey, bucket, path)`. Without keys: as whom the environment, a role or the machine says. Throws when there is no such file, and when it has not arrived.',
    params: {
      bucket: z.string().describe('Bucket, which must exist'),
      path: optionalText('File to upload, needed'),
      region: optionalText('Region of the bucket, needed'),
      keyID: optionalText('Access key id'),
      accessKey: optionalText('Secret access key'),
    },
    returns: z.string(),
    target: (args, host) => bucketTarget(uploadOf(args, host).bucket, host),
    queued: {
      key: ({ bucket, path, region, keyID, accessKey }) => {
        const isOld = isOldOrder([bucket, path, region, keyID, accessKey])
        return `s3://${isOld ? keyID : bucket}`
      },
      async prepare(args, host) {
        const { bucket, path } = uploadOf(args, host)
        const { region, keys } = bucket.account
        await fileAt(PUT, path, host)
        return {
          bucket: bucket.name,
          path: await setAside(host, path),
          region,
          keyID: keys?.id,
          accessKey: keys?.secret,
        }
      },
      async settled({ path = '' }, host) {
        await dropAside(host, path)
      },
    },
    rehearsed: async (args, host) => {
      const { bucket, path } = uploadOf(args, host)
      return await rehearsePutFile(PUT, bucket, path, host)
    },
    example: `file.write('report.json', '{}')\ntry {\n  vendor.s3.put('traffic', 'report.json', 'eu-west-1', env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY)\n} catch (error) {\n  console.error(error)\n}`,
    async run(args, host) {
      const { bucket, path } = uploadOf(args, host)
      return await putFile(PUT, bucket, path, host)
    },
  }),

  clear: helper({
    effect: 'network',
    doc: 'Deletes all files that this node has put into a bucket, in this run and before. Also takes the order `(bucket, region, keyID, accessKey)`, in which the keys may be left out.',
    params: {
      region: z.string().describe('Region of the bucket'),
      keyID: optionalText('Access key id'),
      accessKey: optionalText('Secret access key'),
      bucket: optionalText('Bucket, needed'),
    },
    returns: z.void(),
    target: (args, host) => bucketTarget(clearedOf(args), host),
    rehearsed: async (args, host) => {
      const { text, hosts } = bucketTarget(clearedOf(args), host)
      await host.request({ method: 'POST', url: `https://${hosts[0]}/?delete`, headers: {}, body: text })
    },
    example: `try {\n  vendor.s3.clear('eu-west-1', env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, 'traffic')\n} catch (error) {\n  console.error(error)\n}`,
    async run(args, host) {
      await clearBucket(CLEAR, clearedOf(args), host)
    },
  }),
})

interface PutArguments {
  readonly bucket: string
  readonly path?: string | undefined
  readonly region?: string | undefined
  readonly keyID?: string | undefined
  readonly accessKey?: string | undefined
}

/** What is uploaded, and where to, in whichever order it was said. */
function uploadOf(args: PutArguments, host: HelperHost): { readonly bucket: Bucket; readonly path: string } {
  const said = [args.bucket, args.path, args.region, args.keyID, args.accessKey].map(given)
  const [first, second, third, fourth, fifth] = said
  const [name, path, region, keyId, secret] = isOldOrder(said, (file) => isFile(file, host))
    ? [fourth, fifth, first, second, third]
    : [first, second, third, fourth, fifth]
  if (path === undefined) throw missing(PUT, 'the path')
  const account = accountOf(PUT, region, keyId, secret)
  return { bucket: { name: checkBucketName(PUT, name), account }, path }
}

/**
 * `(region, keyID, accessKey, bucket, path)` rather than `(bucket, path, region, keyID, accessKey)`: a bucket may be called
 * like a region, so where exactly one of both paths is a file, that tells.
 */
function isOldOrder(
  [first, second, third, fourth, fifth]: readonly (string | undefined)[],
  isFile: (path: string) => boolean = () => false,
): boolean {
  if (fourth === undefined || fifth === undefined) return false
  const hasNew = second !== undefined && isFile(second)
  const hasOld = isFile(fifth)
  if (hasNew !== hasOld) return hasOld
  return isRegion(first) && !isRegion(third)
}

/** As `target` must answer at once, this looks at once. */
function isFile(path: string, { files }: HelperHost): boolean {
  try {
    return statSync(files.resolve(path)).isFile()
  } catch {
    return false
  }
}

interface ClearArguments {
  readonly region: string
  readonly keyID?: string | undefined
  readonly accessKey?: string | undefined
  readonly bucket?: string | undefined
}

/** `(region, keyID, accessKey, bucket)`, or `(bucket, region, keyID?, accessKey?)`. */
function clearedOf(args: ClearArguments): Bucket {
  const [first, second, third, fourth] = [args.region, args.keyID, args.accessKey, args.bucket].map(given)
  const isNew = isRegion(second) || (fourth === undefined && !isRegion(first)) || /^A[KS]IA/.test(third ?? '')
  const [region, keyId, secret, name] = isNew
    ? [second, third, fourth, first]
    : [first, second, third, fourth]
  return { name: checkBucketName(CLEAR, name), account: accountOf(CLEAR, region, keyId, secret) }
}
