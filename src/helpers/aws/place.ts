import type { HelperHost } from '../helper.ts'

/** Services that helpers talk to, as their hosts are called. */
export type AwsService = 's3' | 'kinesis'

/**
 * Where a service is: at the address that AWS's own variables have in `env`, for emulators and for stores that speak S3
 * (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html), or else at that of its region.
 */
export function endpointOf(service: AwsService, region: string, { env }: Pick<HelperHost, 'env'>): Endpoint {
  const given = [env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`], env.AWS_ENDPOINT_URL].find(isAddress)
  if (given !== undefined) return { url: given.replace(/\/+$/, ''), isOwn: true }
  const [, suffix = 'amazonaws.com'] = SUFFIXES.find(([start]) => region.startsWith(start)) ?? []
  return { url: `https://${service}.${region}.${suffix}`, isOwn: false }
}

/** Of partitions, as the SDKs know them: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html */
const SUFFIXES = [
  ['cn-', 'amazonaws.com.cn'],
  ['eusc-', 'amazonaws.eu'],
  ['us-iso-', 'c2s.ic.gov'],
  ['us-isob-', 'sc2s.sgov.gov'],
  ['eu-isoe-', 'cloud.adc-e.uk'],
  ['us-isof-', 'csp.hci.ic.gov'],
] as const

export interface Endpoint {
  /** Without a slash at its end. */
  readonly url: string
  /** Not at AWS. */
  readonly isOwn: boolean
}

function isAddress(value: unknown): value is string {
  return typeof value === 'string' && /^https?:$/.test(URL.parse(value)?.protocol ?? '')
}

/** Where a bucket is: AWS has a host for each; others, and names that are no part of a host, have it in the path. */
export function bucketPlace(bucket: string, endpoint: Endpoint): BucketPlace {
  if (endpoint.isOwn || !HOST_PART.test(bucket))
    return { url: `${endpoint.url}/${encodeURIComponent(bucket)}`, isPath: true }
  const { protocol, host } = new URL(endpoint.url)
  return { url: `${protocol}//${bucket}.${host}`, isPath: false }
}

export interface BucketPlace {
  readonly url: string
  /** "Path style": the host is the same for all buckets. */
  readonly isPath: boolean
}

/** A dot would leave the certificate of `*.s3.<region>.amazonaws.com`. */
const HOST_PART = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/

/** Looks like the name of a region: `eu-west-1`, `us-gov-east-1`, `eusc-de-east-1`. */
export function isRegion(text: string | undefined): boolean {
  return text !== undefined && /^([a-z]{2}|eusc)(-[a-z]+)+-\d$/.test(text)
}
