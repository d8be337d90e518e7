import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import { helper, typed } from '../helper.ts'
import { version } from '../version.ts'
import { harOf, nameAddress } from './har.ts'

export const buildHAR = helper({
  doc: 'An HTTP archive (HAR 1.2, http://www.softwareishard.com/blog/har-12-spec/) of entries of HTTP as JSON text, the oldest first. Addresses have the name of the destination: `http://` (also where it was encrypted), `dst.name`, `request.url`; times are in milliseconds. Entries without `request.method`, `dst.name` or `response.status` are left out, with one line on the console that counts them.',
  params: { entries: z.array(typed('any')).describe('`data` of `onItemCaptured`, collected') },
  returns: z.string(),
  example: `function onItemCaptured(data) {\n  if (data.protocol.name === 'http') console.log(wrapper.buildHAR([data]))\n}`,
  run({ entries }, host) {
    const missing = new Map<string, number>()
    const whole = entries.filter((entry) => {
      const what = lacks(entry)
      if (what !== undefined) missing.set(what, (missing.get(what) ?? 0) + 1)
      return what === undefined
    })
    if (missing.size > 0)
      host.warn(
        `wrapper.buildHAR: ${entries.length - whole.length} of ${entries.length} entries are left out: ${told(missing)}`,
      )
    return JSON.stringify(harOf(whole.map(withTextBodies), version(), nameAddress))
  },
})

/** What keeps an entry from being in the archive. */
function lacks(entry: unknown): string | undefined {
  const read = looked.safeParse(entry)
  if (!read.success) return 'no entry'
  const { protocol, request, dst, response } = read.data
  if (protocol.name !== 'http') return 'not HTTP'
  if (request.method === '') return 'no request.method'
  if (dst.name === '') return 'no dst.name'
  return response.status === undefined ? 'no response.status' : undefined
}

const text = z.string().catch('')
const looked = z.object({
  protocol: z.object({ name: text }).catch({ name: '' }),
  request: z.object({ method: text }).catch({ method: '' }),
  dst: z.object({ name: text }).catch({ name: '' }),
  response: z.object({ status: z.number().optional().catch(undefined) }).catch({}),
})

function told(missing: ReadonlyMap<string, number>): string {
  return [...missing].map(([what, count]) => `${count} × ${what}`).join(', ')
}

/** Bodies may have become lists of bytes in the hands of a script; those that are no text go as base64. */
function withTextBodies(entry: unknown): unknown {
  const { request, response } = entry as Bodies
  const postData = request.postData === undefined ? undefined : withText(request.postData)
  const content = response.content === undefined ? undefined : withText(response.content)
  return {
    ...(entry as object),
    request: { ...request, postData },
    response: { ...response, content },
  }
}

interface Bodies {
  readonly request: { readonly postData?: Body }
  readonly response: { readonly content?: Body }
}

interface Body {
  readonly text?: unknown
}

function withText(body: Body | null): unknown {
  const read = bytes.safeParse(body?.text)
  if (!read.success) return body
  const all = Buffer.from(read.data)
  return isUtf8(all)
    ? { ...body, text: all.toString(), encoding: '' }
    : { ...body, text: all.toString('base64'), encoding: 'base64' }
}

const bytes = z.array(z.number())
