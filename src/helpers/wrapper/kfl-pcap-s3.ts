import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { accountOf, given } from '../aws/account.ts'
import {
  type Bucket,
  bucketTarget,
  checkBucketName,
  putFile,
  readObject,
  rehearsePutFile,
} from '../aws/s3.ts'
import { makeFolder, removeTree } from '../data-folder.ts'
import { endingIn } from '../deadline.ts'
import { hasCode } from '../failure.ts'
import { type EffectTarget, type HelperHost, helper, typed } from '../helper.ts'
import { keepStream, refuseOnHub, STREAM } from '../pcap.ts'
import { nodeObjectName } from '../vendor/object-name.ts'
import { slack, slackBot } from '../vendor/slack.ts'
import { packCapture, writeJson } from './capture-archive.ts'

const NAME = 'wrapper.kflPcapS3'

const text = z.string().nullish()
const options = z.object({
  kflArr: z.array(z.string()),
  awsRegion: text,
  awsAccessKeyId: text,
  awsSecretAccessKey: text,
  s3Bucket: text,
  slackWebhook: text,
  slackAuthToken: text,
  slackChannelId: text,
})
type Options = z.output<typeof options>

/**
 * What the sandbox asks for: it has matched the entry, and knows when a set is due (`kflPcapS3` in bootstrap.ts). `hold`
 * puts the packets of a stream aside for each of these filters; `ship` sends what was put aside for one of them.
 */
const asked = z.union([
  z.object({ hold: z.string(), kfls: z.array(z.number().int().nonnegative()) }),
  z.object({ ship: z.number().int().nonnegative() }),
])

export const kflPcapS3 = helper({
  effect: 'network',
  doc: 'Keeps the packets of streams whose entries pass a filter, one set for each filter, and uploads a set to S3 when it is `maxMinutes` old or has `maxL4Streams`: as `kfl_<i>_kubeshark_<UNIX seconds>.tar.gz` with the capture, the names of addresses and `content.json`. A log of all uploads, `kflPcapS3_log_<random>.json`, is kept in the bucket, also over restarts. To be called for each entry; one that passes no filter costs no more than `kfl.match`. Returns the address of what this call has uploaded, if it did.',
  params: {
    data: typed('Entry').describe('The entry'),
    options: typed(
      '{ kflArr: string[], awsRegion?: string, awsAccessKeyId?: string, awsSecretAccessKey?: string, s3Bucket?: string, slackWebhook?: string, slackAuthToken?: string, slackChannelId?: string, active?: boolean, verbose?: boolean, maxMinutes?: number, maxL4Streams?: number }',
    ).describe(
      'Filters (`kflArr`, needed) and where to. What is left out of region, keys and bucket is `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `S3_BUCKET` of `env`. With `slackWebhook`, or `slackAuthToken` and `slackChannelId`, each upload is told. `active`: true, `verbose`: false, `maxMinutes`: 60, `maxL4Streams`: 100000.',
    ),
  },
  returns: z.string().optional(),
  target: (args, host) => targetOf(optionsOf(args.options), host),
  example: `function onItemCaptured(data) {\n  wrapper.kflPcapS3(data, { kflArr: ['http and response.status >= 500'], s3Bucket: 'traffic', awsRegion: 'eu-west-1' })\n}`,
  run: (args, host) => answer(args, host, { put: putFile, read: readObject, post: slackBot.run }),
  rehearsed: (args, host) => answer(args, host, REHEARSED),
})

/** How it gets at others. */
interface Outside {
  readonly put: typeof putFile
  readonly read: typeof readObject
  readonly post: typeof slackBot.run
}

const REHEARSED: Outside = {
  put: rehearsePutFile,
  read: async () => undefined,
  post: (message, host) => slackBot.rehearsed?.(message, host),
}

async function answer(
  { data, options: given }: { readonly data: unknown; readonly options: unknown },
  host: HelperHost,
  outside: Outside,
): Promise<string | undefined> {
  refuseOnHub(host)
  const said = optionsOf(given)
  // Said at the first entry that matches, not an hour later.
  const bucket = bucketOf(said, host)
  slackOf(said)
  const { data: wanted } = asked.safeParse(data)
  if (wanted === undefined)
    throw new Mistake('E_HELPER_ARGUMENT', `${NAME}: data: expected an entry, as onItemCaptured gets it`)
  if ('ship' in wanted)
    return await ship(wanted.ship, { bucket, said, host: endingIn(SHIP_MS, host), outside })
  for (const kfl of wanted.kfls) await hold(wanted.hold, kfl, host)
}

function optionsOf(said: unknown): Options {
  const read = options.safeParse(said)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new Mistake('E_HELPER_ARGUMENT', `${NAME}: options.${issue?.path.join('.')}: ${issue?.message}`)
}

function bucketOf(
  { awsRegion, awsAccessKeyId, awsSecretAccessKey, s3Bucket }: Options,
  { env }: HelperHost,
): Bucket {
  const or = (said: string | null | undefined, name: string) =>
    given(said ?? undefined) ?? (typeof env[name] === 'string' ? given(env[name]) : undefined)
  return {
    name: checkBucketName(NAME, or(s3Bucket, 'S3_BUCKET')),
    account: accountOf(
      NAME,
      or(awsRegion, 'AWS_REGION'),
      or(awsAccessKeyId, 'AWS_ACCESS_KEY_ID'),
      or(awsSecretAccessKey, 'AWS_SECRET_ACCESS_KEY'),
    ),
  }
}

/** The bucket, and Slack where it is told. */
function targetOf(said: Options, host: HelperHost): EffectTarget {
  const bucket = bucketTarget(bucketOf(said, host), host)
  const { webhookUrl, bot } = slackOf(said)
  const message = { pretext: '', text: '', color: '' }
  const told = [
    webhookUrl === undefined ? undefined : slack.target?.({ ...message, webhookUrl }, host),
    bot === undefined ? undefined : slackBot.target?.({ ...message, ...bot, fields: {}, files: {} }, host),
  ]
  return { ...bucket, hosts: [...bucket.hosts, ...told.flatMap((each) => each?.hosts ?? [])] }
}

function slackOf({ slackWebhook, slackAuthToken, slackChannelId }: Options) {
  const webhookUrl = given(slackWebhook ?? undefined)
  if (webhookUrl !== undefined && !/^https?:$/.test(URL.parse(webhookUrl)?.protocol ?? ''))
    throw new Mistake('E_HELPER_ARGUMENT', `${NAME}: options.slackWebhook: expected a URL`)
  const token = given(slackAuthToken ?? undefined)
  const channelID = given(slackChannelId ?? undefined)
  const bot = token === undefined || channelID === undefined ? undefined : { token, channelID }
  return { webhookUrl, bot }
}

/** Packets that are gone already are not missed: another entry of the stream may come. */
async function hold(stream: string, kfl: number, host: HelperHost): Promise<void> {
  if (STREAM.test(stream)) await keepStream(stream, join(folderOf(kfl, host), stream), host, 'most')
}

interface Shipping {
  readonly bucket: Bucket
  readonly said: Options
  readonly host: HelperHost
  readonly outside: Outside
}

async function ship(kfl: number, { bucket, said, host, outside }: Shipping): Promise<string | undefined> {
  const folder = folderOf(kfl, host)
  await topUp(folder, host)
  const streams = await streamsIn(folder)
  if (streams.length === 0) return undefined
  const query = said.kflArr[kfl] ?? ''
  const time = new Date(host.now()).toUTCString()

  const began = performance.now()
  const archive = await packCapture(
    {
      prefix: `kfl_${kfl}_`,
      capture: (target) =>
        host.packets.writeMergedFiles(
          streams.map((stream) => join(folder, stream)),
          target,
        ),
      content: (capture) => ({
        kfl_index: kfl,
        kfl_query: query,
        l4_streams: streams,
        pcap_file_name: capture,
        time,
      }),
    },
    host,
  )
  const packed = performance.now()
  try {
    const url = await outside.put(NAME, bucket, archive, host)
    const uploaded = performance.now()
    await removeTree(host.files, folder)
    // It has arrived: what fails from here on must not send it again.
    const line = { file: archive, kfl_index: kfl, kfl_query: query, s3_url: url, time }
    await warned(host, 'the log', () => addToLog(line, bucket, host, outside))
    const message = [
      `URL: ${url}`,
      `Streams: ${streams.length}`,
      `KFL: ${query}`,
      `Snapshot: ${Math.round(packed - began)} ms`,
      `Upload: ${Math.round(uploaded - packed)} ms`,
    ].join('\n')
    await warned(host, 'the message to Slack', () => tellSlack(said, message, host, outside))
    return url
  } finally {
    await removeTree(host.files, host.files.resolve(archive))
  }
}

/** Connections may have gone on since their entries matched. */
async function topUp(folder: string, host: HelperHost): Promise<void> {
  const until = performance.now() + TOP_UP_MS
  for (const stream of await streamsIn(folder)) {
    if (performance.now() > until) return
    await keepStream(stream, join(folder, stream), host, 'most')
  }
}

async function streamsIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => STREAM.test(name)).sort()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

const logLine = z.object({
  file: z.string(),
  kfl_index: z.number(),
  kfl_query: z.string(),
  s3_url: z.string(),
  time: z.string(),
})
type LogLine = z.output<typeof logLine>

/**
 * The log is what the bucket has, and what of it did not get there before. It has the same name in each run: that of the
 * agent. A copy in the data folder stands for it where it may not be read.
 */
async function addToLog(line: LogLine, bucket: Bucket, host: HelperHost, outside: Outside): Promise<void> {
  const local = join(placeOf(host), `kflPcapS3_log_${idOf(host)}.json`)
  const key = nodeObjectName(host, local)
  const own = [...linesOf(await contentOf(local)), line].slice(-MOST_LINES)
  await makeFolder(host.files, placeOf(host))
  await writeJson(local, own, host)
  const there = linesOf(await outside.read(NAME, bucket, key, host))
  const urls = new Set(there.map(({ s3_url }) => s3_url))
  const lines = [...there, ...own.filter(({ s3_url }) => !urls.has(s3_url))].slice(-MOST_LINES)
  await writeJson(local, lines, host)
  await outside.put(NAME, bucket, local, host, key)
}

/** What others have put in its place is no log. */
function linesOf(json: string | undefined): readonly LogLine[] {
  try {
    return z.array(logLine).parse(JSON.parse(json ?? '[]'))
  } catch {
    return []
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

async function tellSlack(said: Options, text: string, host: HelperHost, outside: Outside): Promise<void> {
  const message = { pretext: 'Traffic was recorded', text, color: '#36a64f' }
  const { webhookUrl, bot } = slackOf(said)
  if (webhookUrl !== undefined) await slack.run({ ...message, webhookUrl }, host)
  if (bot !== undefined) await outside.post({ ...message, ...bot, fields: {}, files: {} }, host)
}

async function warned(host: HelperHost, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    host.warn(`${NAME}: the packets are uploaded, but ${what} is not: ${error.message}`)
  }
}

/** Streams that are put aside for a filter. They outlive the agent: its next run sends them. */
function folderOf(kfl: number, host: HelperHost): string {
  return join(placeOf(host), String(kfl))
}

function placeOf(host: HelperHost): string {
  return join(host.files.root, 'kflPcapS3', idOf(host))
}

/** The same in each run. Agents that come out of no store are known by title and place: titles may be there twice. */
function idOf({ agent: { id, title, index } }: HelperHost): string {
  return createHash('sha256')
    .update(id ?? `${index} ${title}`)
    .digest('hex')
    .slice(0, 16)
}

/** For all of it. */
const SHIP_MS = 50_000
const TOP_UP_MS = 15_000
/** Of the log, the newest: what can be read back in one piece. */
const MOST_LINES = 4000
