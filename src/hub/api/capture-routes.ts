import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { apiFailure } from '../../wire/api.ts'
import { captureView } from '../../wire/captures.ts'
import type { CaptureControl } from '../control.ts'
import { callerOf } from './access.ts'
import type { ApiContext } from './context.ts'

const tags = ['captures']
const otherwise = { default: apiFailure }

/** Captures that people upload, to look at them as at traffic. */
export function captureRoutes({ control }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    // It goes to the disk as it comes.
    app.addContentTypeParser(
      'application/octet-stream',
      (_request: unknown, body: IncomingMessage, parsed: (error: null, body: IncomingMessage) => void) =>
        parsed(null, body),
    )

    app.get('/captures', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Captures that were uploaded, the newest first',
        response: {
          200: z.object({
            mostBytes: z.number().describe('Size that a capture may have'),
            captures: z.array(captureView),
          }),
          ...otherwise,
        },
      },
      handler: async () => {
        const captures = capturesOf(control.captures)
        return { mostBytes: captures.mostBytes, captures: [...captures.list()] }
      },
    })

    app.post('/captures', {
      config: { role: 'operator', action: 'capture.upload', isLong: true },
      schema: {
        tags,
        summary:
          'Uploads a capture and reads it: pcap or pcapng, also with gzip or zstd; entries come as they are read',
        description:
          'The body is the file, as application/octet-stream. It may be larger than other bodies: see `mostBytes`.',
        querystring: z.strictObject({ name: z.string().min(1).max(200).default('capture.pcap') }),
        response: { 201: captureView, ...otherwise },
      },
      handler: async (request, reply) => {
        const { name } = request.query
        request.note.target = name
        const captures = capturesOf(control.captures)
        const { body, raw } = request
        if (!(body instanceof Readable))
          throw new Mistake('E_REQUEST', 'there is no capture in this request', {
            hint: 'Send the file as it is, with Content-Type: application/octet-stream.',
          })
        // Who is refused in the middle gets to know why: the connection stays, and the rest goes nowhere.
        const chunks = body.iterator({ destroyOnReturn: false })
        const refuse = (error: unknown) => {
          raw.resume()
          throw error
        }
        const by = callerOf(request).name
        const capture = await captures.add(name, chunks, by).catch(refuse)
        request.note.detail = `${capture.id}, ${capture.bytes} bytes`
        return reply.status(201).send(capture)
      },
    })

    app.delete('/captures/:id', {
      config: { role: 'operator', action: 'capture.delete' },
      schema: {
        tags,
        summary: 'Removes a capture, with its entries',
        params: z.strictObject({ id: z.string().min(1) }),
        response: { 204: z.undefined(), ...otherwise },
      },
      handler: async ({ params }, reply) => {
        await capturesOf(control.captures).remove(params.id)
        return reply.status(204).send()
      },
    })
    done()
  }
}

function capturesOf(captures: CaptureControl | undefined): CaptureControl {
  if (captures !== undefined) return captures
  throw new Mistake('E_NOT_FOUND', 'this hub takes no captures')
}
