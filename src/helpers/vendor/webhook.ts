import { z } from 'zod'
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
  doc: 'Sends an HTTP request and returns the body of the reply, whatever its status. A status of 400 or more also warns on the console; no reply throws.',
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
    const isJson = body !== undefined && typeof body !== 'string'
    return await send('vendor.webhook', host, {
      method: method.toUpperCase(),
      url,
      headers:
        isJson && !hasContentType(headers) ? { ...headers, 'content-type': 'application/json' } : headers,
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
    return await send('vendor.webhookForm', host, {
      method: method.toUpperCase(),
      url,
      ...(await multipart(fields)),
    })
  },
})

function targetOf(method: string, url: string): EffectTarget {
  const { host, hostname } = new URL(url)
  return { text: `${method.toUpperCase()} ${host}`, hosts: [hostname] }
}

async function send(helper: string, host: HelperHost, request: HttpRequest): Promise<string> {
  const reply = await host.request(request)
  if (reply.status >= 400)
    host.warn(`${helper}: ${request.method} ${new URL(request.url).host} answered ${reply.status}`)
  return reply.body
}

function hasContentType(headers: Readonly<Record<string, string>>): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
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
