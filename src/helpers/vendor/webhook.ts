import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { refusalOf } from '../answer.ts'
import {
  type EffectTarget,
  type HelperHost,
  type HttpRequest,
  helper,
  jsonText,
  textOrJson,
} from '../helper.ts'

const method = z
  .string()
  .regex(/^(?!connect$)[a-z]{1,20}$/i, 'an HTTP method')
  .describe('HTTP method')
const url = z.url({ protocol: /^https?$/ }).describe('Address, http or https')

export const webhook = helper({
  effect: 'network',
  doc: 'Sends an HTTP request and returns the body of the reply, whatever its status. A status of 400 or more also warns on the console; no reply throws. `http://kubeshark-hub/pods/targeted` is answered by the hub of this agent, and sends nothing. Queued, a status of 400 or more counts as a failure, and the header `Idempotency-Key` is the same for each attempt.',
  params: {
    method,
    url,
    body: textOrJson.optional().describe('Text as it is; an object is sent as JSON'),
    headers: z.record(z.string(), z.string()).default({}).describe('Request headers'),
  },
  returns: z.string(),
  target: ({ method, url }) => targetOf(method, url),
  queued: { key: ({ url }) => new URL(url).origin },
  example: `try {\n  vendor.webhook('POST', 'http://127.0.0.1:9/alerts', { text: 'checkout is failing' }, { 'X-Team': 'shop' })\n} catch (error) {\n  console.error(error)\n}`,
  async run({ method, url, body, headers }, host) {
    if (isOwnHub(url)) return await ownHub('vendor.webhook', url, host)
    const isJson = body !== undefined && typeof body !== 'string'
    return await send('vendor.webhook', host, {
      method: method.toUpperCase(),
      url,
      headers:
        isJson && !hasHeader(headers, 'content-type')
          ? { ...headers, 'content-type': 'application/json' }
          : headers,
      body: isJson ? JSON.stringify(body) : body,
    })
  },
})

export const webhookForm = helper({
  effect: 'network',
  doc: 'Sends fields as a form (multipart/form-data) and returns the body of the reply, like `vendor.webhook`.',
  params: {
    method,
    url,
    fields: z.record(z.string(), jsonText).describe('Names and values of the form'),
  },
  returns: z.string(),
  target: ({ method, url }) => targetOf(method, url),
  queued: { key: ({ url }) => new URL(url).origin },
  example: `try {\n  vendor.webhookForm('POST', 'http://127.0.0.1:9/upload', { name: 'calls.har', attempts: '1' })\n} catch (error) {\n  console.error(error)\n}`,
  async run({ method, url, fields }, host) {
    if (isOwnHub(url)) return await ownHub('vendor.webhookForm', url, host)
    return await send('vendor.webhookForm', host, {
      method: method.toUpperCase(),
      url,
      ...(await multipart(fields)),
    })
  },
})

function targetOf(method: string, url: string): EffectTarget {
  if (isOwnHub(url)) return { text: 'own hub', hosts: [] }
  const { host, hostname } = new URL(url)
  return { text: `${method.toUpperCase()} ${host}`, hosts: [hostname] }
}

async function send(helper: string, host: HelperHost, given: HttpRequest): Promise<string> {
  const { queuedId } = host
  const request = queuedId === undefined ? given : withKey(given, queuedId)
  const reply = await host.request(request)
  if (reply.status < 400) return reply.body
  if (queuedId !== undefined) throw refusalOf(helper, host, request, reply)
  host.warn(`${helper}: ${request.method} ${new URL(request.url).host} answered ${reply.status}`)
  return reply.body
}

/** https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/: a string, in quotes. */
function withKey(request: HttpRequest, id: string): HttpRequest {
  if (hasHeader(request.headers, 'idempotency-key')) return request
  return { ...request, headers: { ...request.headers, 'idempotency-key': `"${id}"` } }
}

/** What agents for Kubeshark call its hub. */
function isOwnHub(url: string): boolean {
  return new URL(url).hostname === 'kubeshark-hub'
}

/** Without a way over the network: a worker asks the hub over the bus. */
async function ownHub(helper: string, url: string, host: HelperHost): Promise<string> {
  const { pathname } = new URL(url)
  if (!/^(\/api)?\/pods\/targett?ed\/?$/.test(pathname))
    throw new Mistake(
      'E_HELPER_REFUSED',
      `${helper}: kubeshark-hub answers agents nothing but /pods/targeted`,
      {
        hint: 'For all else, ask the API of the hub by its own address, with a token.',
      },
    )
  return JSON.stringify(await host.targeted())
}

function hasHeader(headers: Readonly<Record<string, string>>, name: string): boolean {
  return Object.keys(headers).some((each) => each.toLowerCase() === name)
}

/** RFC 7578, as the platform writes it. */
async function multipart(
  fields: Readonly<Record<string, string>>,
): Promise<Pick<HttpRequest, 'headers' | 'body'>> {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  const encoded = new Response(form)
  return {
    headers: { 'content-type': encoded.headers.get('content-type') ?? '' },
    body: new Uint8Array(await encoded.arrayBuffer()),
  }
}
