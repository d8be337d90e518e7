import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { Mistake } from '../../mistake/mistake.ts'
import { Refusal } from '../answer.ts'
import { look } from '../data-folder.ts'
import { endingIn } from '../deadline.ts'
import type { EffectTarget, HelperHost } from '../helper.ts'
import { freshenNameHistory } from '../name-history.ts'
import { type LocalFile, openLocalFile } from '../vendor/local-file.ts'
import { isOfNode, nodePrefix, objectName } from '../vendor/object-name.ts'
import { missing } from './account.ts'
import { type AwsCall, withS3 } from './client.ts'
import { type Account, refusalOfRecord } from './failure.ts'
import { bucketPlace, endpointOf } from './place.ts'

/** A bucket as a script names it, and as whom it goes there. */
export interface Bucket {
  readonly name: string
  readonly account: Account
}

/** Uploads a file of the data folder under its own name, or another one, and returns its address. */
export async function putFile(
  helper: string,
  bucket: Bucket,
  path: string,
  host: HelperHost,
  key = objectName(host, path),
): Promise<string> {
  const file = await fileAt(helper, path, host)
  // S3 refuses what does not arrive as it was: also a file that changes while it is read.
  const checksum = await checksumOf(file)
  const body = file.bytes === 0 ? undefined : file.read(0, file.bytes)
  try {
    await withS3(callTo(helper, bucket, host, uploadMs(host)), async (client, sdk) => {
      const { ETag } = await client.send(
        new sdk.PutObjectCommand({
          Bucket: bucket.name,
          Key: key,
          Body: body ?? '',
          ContentLength: file.bytes,
          ChecksumSHA256: checksum,
        }),
      )
      if (ETag === undefined)
        throw new Mistake(
          'E_HELPER_FAILED',
          `${helper}: the reply makes no sense: a store would name the file`,
        )
    })
  } finally {
    body?.destroy()
  }
  return addressOf(bucket, key, host)
}

/** `putFile` where nothing is sent: the same address, for a file that could be. */
export const rehearsePutFile: typeof putFile = async (helper, bucket, path, host, key) => {
  await fileAt(helper, path, host)
  const url = addressOf(bucket, key ?? objectName(host, path), host)
  await host.request({ method: 'PUT', url, headers: {}, body: undefined })
  return url
}

/** The text of an object; undefined: there is none, or this account may not read it. */
export async function readObject(
  helper: string,
  bucket: Bucket,
  key: string,
  host: HelperHost,
): Promise<string | undefined> {
  try {
    return await withS3(callTo(helper, bucket, host), async (client, sdk) => {
      const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: bucket.name, Key: key }))
      return await Body?.transformToString()
    })
  } catch (error) {
    // S3 says 403 of what is not there to those who may not list the bucket.
    if (error instanceof Refusal && (error.status === 404 || error.status === 403)) return undefined
    throw error
  }
}

/** Deletes all that this node has put into a bucket, in whatever run. */
export async function clearBucket(helper: string, bucket: Bucket, calling: HelperHost): Promise<void> {
  const host = endingIn(CLEAR_MS, calling)
  const call = callTo(helper, bucket, host)
  await withS3(call, async (client, sdk) => {
    let after: string | undefined
    do {
      if (host.left() <= 1)
        throw new Mistake(
          'E_HELPER_FAILED',
          `${helper}: the time is up, and there are more files: call it again`,
        )
      const page = await client.send(
        new sdk.ListObjectsV2Command({
          Bucket: bucket.name,
          Prefix: nodePrefix(host),
          ...(after === undefined ? {} : { ContinuationToken: after }),
        }),
      )
      const keys = (page.Contents ?? []).flatMap(({ Key }) =>
        Key !== undefined && isOfNode(host, Key) ? [{ Key }] : [],
      )
      if (keys.length > 0) {
        const { Errors = [] } = await client.send(
          new sdk.DeleteObjectsCommand({ Bucket: bucket.name, Delete: { Objects: keys, Quiet: true } }),
        )
        if (Errors.length > 0) throw notDeleted(call, Errors)
      }
      after = page.IsTruncated === true ? page.NextContinuationToken : undefined
    } while (after !== undefined)
  })
}

/** Where an effect on a bucket goes. */
export function bucketTarget({ name, account }: Bucket, host: HelperHost): EffectTarget {
  const { url } = bucketPlace(name, endpointOf('s3', account.region, host))
  return { text: `s3://${name}`, hosts: [new URL(url).hostname], bucket: name }
}

/** Names that S3 takes, and other stores; what has slashes or colons leads elsewhere. */
export function checkBucketName(helper: string, name: string | undefined): string {
  if (name === undefined) throw missing(helper, 'the bucket')
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(name) && !name.includes('..')) return name
  throw new Mistake(
    'E_HELPER_ARGUMENT',
    `${helper}: the bucket must be a name of letters, digits, dots and dashes`,
  )
}

function callTo(helper: string, { name, account }: Bucket, host: HelperHost, totalMs?: number): AwsCall {
  const endpoint = endpointOf('s3', account.region, host)
  return {
    helper,
    host,
    account,
    endpoint: endpoint.url,
    isPath: bucketPlace(name, endpoint).isPath,
    ...(totalMs === undefined ? {} : { totalMs }),
  }
}

function addressOf({ name, account }: Bucket, key: string, host: HelperHost): string {
  const { url } = bucketPlace(name, endpointOf('s3', account.region, host))
  return `${url}/${key.split('/').map(encodeURIComponent).join('/')}`
}

/** The file that is to be uploaded; throws when it cannot be. */
export async function fileAt(helper: string, path: string, host: HelperHost): Promise<LocalFile> {
  const target = host.files.resolve(path)
  await freshenNameHistory(target, host)
  if ((await look(target))?.isFile() !== true)
    throw new Mistake('E_HELPER_ARGUMENT', `${helper}: there is no file ${nameOf(path)} in the data folder`)
  const file = await openLocalFile(helper, path, target)
  if (file.bytes > LARGEST_FILE)
    throw new Mistake(
      'E_HELPER_REFUSED',
      `${helper}: ${nameOf(path)} has ${file.bytes} bytes; S3 takes ${LARGEST_FILE} at once`,
    )
  return file
}

/** Where arguments were mixed up it is a key: those have no ending. */
function nameOf(path: string): string {
  return /\.[a-z0-9]{1,10}$/i.test(path) && path.length <= LONGEST_NAME ? path : 'of this name'
}

async function checksumOf(file: LocalFile): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(file.read(0, file.bytes), hash)
  return hash.digest('base64')
}

function notDeleted(
  call: AwsCall,
  errors: readonly { readonly Code?: string | undefined; readonly Message?: string | undefined }[],
): Error {
  const [{ Code = 'unknown', Message = '' } = {}] = errors
  return refusalOfRecord(call, Code, `${Message} (${errors.length} files are still there)`)
}

/** A script that waits may not wait for longer than a call of its may take; the outbox has time. */
function uploadMs({ queuedId }: HelperHost): number {
  return queuedId === undefined ? 55_000 : 900_000
}

const CLEAR_MS = 50_000
const LARGEST_FILE = 5 * 2 ** 30
const LONGEST_NAME = 200
