import type { Readable } from 'node:stream'
import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { jsonOf, refusalOf, retryOfStatus } from '../answer.ts'
import {
  type EffectTarget,
  type HelperHost,
  type HttpReply,
  type HttpRequest,
  helper,
  namespace,
} from '../helper.ts'
import { isStandIn, NO_HOST } from '../secrets.ts'
import { dropAside, setAside } from '../set-aside.ts'
import { asInEnv, ownToken, serviceAccountIn, tokenOf } from './google-token.ts'
import { type LocalFile, localFile } from './local-file.ts'
import { isOfNode, nodePrefix, objectName } from './object-name.ts'

const bucket = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/, 'the name of a bucket')
  .describe('Bucket, which must be there')
const saKeyObj = z
  .union([z.record(z.string(), z.unknown()), z.string()])
  .optional()
  .describe('Key of a service account, as object or JSON; absent or "": the identity of this machine')

const put = helper({
  effect: 'network',
  doc: 'Uploads a file of the data folder to Google Cloud Storage as `<NODE_NAME>_<NODE_IP>_<RUN_ID>/<FILENAME>` and returns its address. An object of that name is replaced.',
  params: { bucket, path: z.string().min(1).describe('File in the data folder'), saKeyObj },
  returns: z.string(),
  target: (args, host) => targetOf('vendor.gcs.put', args, host),
  queued: {
    key: (args) => `gs://${args.bucket}`,
    async prepare(args, host) {
      await localFile('vendor.gcs.put', host, args.path)
      const { saKeyObj = '' } = args
      return { ...args, path: await setAside(host, args.path), saKeyObj: asInEnv(saKeyObj, host.env) }
    },
    settled: ({ path }, host) => dropAside(host, path),
  },
  example: `file.write('calls.json', '[]')\ntry {\n  console.log(vendor.gcs.put('traffic', 'calls.json', env.GCS_KEY))\n} catch (error) {\n  console.error(error)\n}`,
  async run({ path, ...args }, host) {
    const store = openStore('vendor.gcs.put', args, host)
    const file = await localFile(store.helper, host, path)
    const name = objectName(host, path)
    await (file.bytes <= PIECE_BYTES ? putWhole(store, name, file) : putInPieces(store, name, file))
    return addressOf(store, name)
  },
  async rehearsed({ path, ...args }, host) {
    const store = { ...openStore('vendor.gcs.put', args, host), token: nobody }
    const name = objectName(host, path)
    await putWhole(store, name, await localFile(store.helper, host, path))
    return addressOf(store, name)
  },
})

const clear = helper({
  effect: 'network',
  doc: 'Deletes from a bucket of Google Cloud Storage all that this node has put there, in this run and in earlier ones. Also takes the order `(bucket, "", saKeyObj)`.',
  params: { bucket, saKeyObj, thirdKey: saKeyObj.describe('The key, where the second argument is empty') },
  returns: z.void(),
  target: (args, host) => targetOf('vendor.gcs.clear', withKey(args), host),
  queued: {
    key: (args) => `gs://${args.bucket}`,
    prepare: async (args, host) => {
      const { saKeyObj = '' } = withKey(args)
      return { bucket: args.bucket, saKeyObj: asInEnv(saKeyObj, host.env), thirdKey: undefined }
    },
  },
  example: `try {\n  vendor.gcs.clear('traffic', env.GCS_KEY)\n} catch (error) {\n  console.error(error)\n}`,
  run: (args, host) => deleteAll(openStore('vendor.gcs.clear', withKey(args), host)),
  rehearsed: (args, host) =>
    deleteAll({ ...openStore('vendor.gcs.clear', withKey(args), host), token: nobody }),
})

function withKey({
  bucket,
  saKeyObj,
  thirdKey,
}: GivenArguments & { readonly thirdKey?: Key }): GivenArguments {
  return { bucket, saKeyObj: saKeyObj === undefined || saKeyObj === '' ? thirdKey : saKeyObj }
}

export const gcs = namespace('vendor.gcs', 'Files in Google Cloud Storage.', { put, clear })

const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_write'
/** What is larger goes in pieces of this size, which must be a multiple of 256 KiB. */
const PIECE_BYTES = 8 * 2 ** 20
const PIECE_MS = 120_000
const DELETES_AT_ONCE = 16

interface GivenArguments {
  readonly bucket: string
  readonly saKeyObj?: Key
}

type Key = z.output<typeof saKeyObj>

/** A bucket, and how to ask for something there. */
interface Store {
  readonly helper: string
  readonly host: HelperHost
  readonly base: string
  readonly bucket: string
  /** Undefined: whoever is there asks for none. */
  token(fresh: boolean): Promise<string | undefined>
}

function openStore(helper: string, { bucket, saKeyObj }: GivenArguments, host: HelperHost): Store {
  const own = ownEndpoint(host)
  const base = own ?? 'https://storage.googleapis.com'
  const store = { helper, host, base, bucket }
  if (saKeyObj !== undefined && isStandIn(saKeyObj)) return { ...store, token: nobody }
  if (saKeyObj !== undefined && saKeyObj !== '') {
    const account = serviceAccountIn(helper, saKeyObj)
    return { ...store, token: (fresh) => tokenOf(helper, host, account, { scope: SCOPE, fresh }) }
  }
  // The identity of this machine is for Google alone.
  if (own !== undefined) return { ...store, token: nobody }
  return { ...store, token: () => ownToken(helper, host, SCOPE) }
}

const nobody = async () => undefined

/** Set for all agents, as for Google's own clients: an emulator, or a store that speaks the same API. */
function ownEndpoint({ env }: HelperHost): string | undefined {
  const { STORAGE_EMULATOR_HOST: given } = env
  if (typeof given !== 'string' || given === '') return undefined
  const url = URL.parse(/^https?:\/\//.test(given) ? given : `http://${given}`)
  if (url === null)
    throw new Mistake('E_HELPER_ARGUMENT', 'vendor.gcs: env.STORAGE_EMULATOR_HOST is no address')
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

function targetOf(helper: string, args: GivenArguments, host: HelperHost): EffectTarget {
  const { saKeyObj = '' } = args
  const hosts = [new URL(ownEndpoint(host) ?? 'https://storage.googleapis.com').hostname]
  if (isStandIn(saKeyObj)) hosts.push(NO_HOST)
  else if (saKeyObj !== '') hosts.push(new URL(serviceAccountIn(helper, saKeyObj).tokenUrl).hostname)
  return { text: `gs://${args.bucket}`, hosts, bucket: args.bucket }
}

function addressOf({ base, bucket }: Store, name: string): string {
  return `${base}/${bucket}/${name.split('/').map(encodeURIComponent).join('/')}`
}

/** https://cloud.google.com/storage/docs/uploading-objects: in one request. */
async function putWhole(store: Store, name: string, file: LocalFile): Promise<void> {
  const { request, reply } = await send(store, {
    method: 'POST',
    path: `/upload/storage/v1/b/${store.bucket}/o?uploadType=media&name=${encodeURIComponent(name)}`,
    headers: { 'content-type': TYPE, 'content-length': String(file.bytes) },
    body: () => file.read(0, file.bytes),
  })
  checkSize(store, request, reply, file)
}

const TYPE = 'application/octet-stream'

/** https://cloud.google.com/storage/docs/performing-resumable-uploads: no piece has to arrive whole. */
async function putInPieces(store: Store, name: string, file: LocalFile): Promise<void> {
  const { request, reply } = await send(store, {
    method: 'POST',
    path: `/upload/storage/v1/b/${store.bucket}/o?uploadType=resumable&name=${encodeURIComponent(name)}`,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'x-upload-content-type': TYPE,
      'x-upload-content-length': String(file.bytes),
    },
    body: () => '{}',
  })
  const session = URL.parse(reply.headers.location ?? '')
  if (session === null || !/^https?:$/.test(session.protocol))
    throw senseless(store, request, 'it has begun no upload')
  for (let start = 0; ; ) {
    store.host.signal.throwIfAborted()
    const next = await putPiece(store, session.href, file, start)
    if (next === undefined) return
    if (next <= start) throw senseless(store, request, 'it has taken nothing of a piece')
    start = next
  }
}

/** Answers where the next one begins; undefined: it was the last. The address of an upload is a secret, and all it takes. */
async function putPiece(
  store: Store,
  url: string,
  file: LocalFile,
  start: number,
): Promise<number | undefined> {
  const { helper, host } = store
  const bytes = Math.min(PIECE_BYTES, file.bytes - start)
  const request = {
    method: 'PUT',
    url,
    headers: {
      'content-type': TYPE,
      'content-length': String(bytes),
      'content-range': `bytes ${start}-${start + bytes - 1}/${file.bytes}`,
    },
    body: file.read(start, bytes),
    totalMs: PIECE_MS,
  }
  const reply = await host.request(request)
  if (reply.status === 308) return Number(/^bytes=0-(\d+)$/.exec(reply.headers.range ?? '')?.[1] ?? -1) + 1
  if (!isFine(reply)) {
    // An upload that is forgotten is begun anew.
    const retry = reply.status === 404 || reply.status === 410 ? ({ when: 'later' } as const) : undefined
    throw refusalOf(
      helper,
      host,
      request,
      reply,
      reasonIn(reply),
      retry ?? retryOfStatus(reply.status, reply.headers['retry-after']),
    )
  }
  checkSize(store, request, reply, file)
  return undefined
}

const resource = z.object({ size: z.coerce.number().optional() })

/** The description of the object that has come of an upload: it must have all of the file. */
function checkSize(store: Store, request: HttpRequest, reply: HttpReply, { bytes }: LocalFile): void {
  const read = resource.safeParse(jsonOf(store.helper, request, reply))
  if (!read.success) throw senseless(store, request, 'it has described no object')
  const { size } = read.data
  if (size !== undefined && size !== bytes)
    throw senseless(store, request, `it has ${size} bytes of ${bytes}`)
}

const listing = z.object({
  items: z.array(z.object({ name: z.string() })).default([]),
  nextPageToken: z.string().optional(),
})

/** https://cloud.google.com/storage/docs/json_api/v1/objects/list, page by page, and `delete` of each. */
async function deleteAll(store: Store): Promise<void> {
  const prefix = encodeURIComponent(nodePrefix(store.host))
  for (let page = ''; ; ) {
    // Nobody says that there is an end of pages.
    store.host.signal.throwIfAborted()
    const { request, reply } = await send(store, {
      method: 'GET',
      path: `/storage/v1/b/${store.bucket}/o?prefix=${prefix}&fields=items(name),nextPageToken${page}`,
      headers: {},
    })
    const read = listing.safeParse(jsonOf(store.helper, request, reply))
    if (!read.success) throw senseless(store, request, 'it has listed no objects')
    await deleteEach(
      store,
      read.data.items.map(({ name }) => name).filter((name) => isOfNode(store.host, name)),
    )
    if (read.data.nextPageToken === undefined) return
    page = `&pageToken=${encodeURIComponent(read.data.nextPageToken)}`
  }
}

/** After a failure no more is asked for, and what is on its way is waited for. */
async function deleteEach(store: Store, names: readonly string[]): Promise<void> {
  const left = [...names]
  const work = async () => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      store.host.signal.throwIfAborted()
      const path = `/storage/v1/b/${store.bucket}/o/${encodeURIComponent(name)}`
      // Somebody else may have deleted it.
      await send(store, { method: 'DELETE', path, headers: {} }, [404])
    }
  }
  const stop = (error: unknown) => {
    left.length = 0
    throw error
  }
  const ends = await Promise.allSettled(Array.from({ length: DELETES_AT_ONCE }, () => work().catch(stop)))
  const failure = ends.find((end) => end.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}

interface Ask {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Made anew when it is sent again. */
  body?(): string | Readable
}

/** A token that is no longer good is renewed once. */
async function send(
  store: Store,
  ask: Ask,
  fine: readonly number[] = [],
): Promise<{ readonly request: HttpRequest; readonly reply: HttpReply }> {
  const { helper, host, base } = store
  const once = async (fresh: boolean) => {
    const token = await store.token(fresh)
    const request: HttpRequest = {
      method: ask.method,
      url: base + ask.path,
      headers: { ...ask.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      body: ask.body?.(),
      totalMs: PIECE_MS,
    }
    return { token, request, reply: await host.request(request) }
  }
  const first = await once(false)
  const { request, reply } =
    first.reply.status === 401 && first.token !== undefined ? await once(true) : first
  if (isFine(reply) || fine.includes(reply.status)) return { request, reply }
  throw refusalOf(helper, host, request, reply, reasonIn(reply))
}

function isFine({ status }: HttpReply): boolean {
  return status >= 200 && status < 300
}

const refusal = z.object({
  error: z.object({
    message: z.string(),
    errors: z.array(z.object({ reason: z.string().optional() })).default([]),
  }),
})

/** https://cloud.google.com/storage/docs/json_api/v1/status-codes */
function reasonIn({ body }: HttpReply): string | undefined {
  try {
    const { message, errors } = refusal.parse(JSON.parse(body)).error
    return [errors[0]?.reason, message].filter(Boolean).join(': ')
  } catch {
    return undefined
  }
}

function senseless({ helper }: Store, { url }: HttpRequest, reason: string): Mistake {
  return new Mistake(
    'E_HELPER_FAILED',
    `${helper}: the reply of ${new URL(url).host} makes no sense: ${reason}`,
  )
}
