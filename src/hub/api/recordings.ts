import type { FastifyReply } from 'fastify'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { apiFailure } from '../../wire/api.ts'
import { recordingDraft, recordingView } from '../../wire/recordings.ts'
import type { Download } from '../recordings/control.ts'
import { callerOf } from './access.ts'
import type { ApiContext } from './context.ts'
import { whenGone } from './gone.ts'

const params = z.strictObject({ name: z.string().min(1) })
const otherwise = { default: apiFailure }
const tags = ['recordings']

/** Recordings: what is recorded, what is to be, and what was. */
export function recordingRoutes({ control: { recordings } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/recordings', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'All recordings, the newest first',
        response: { 200: z.array(recordingView), ...otherwise },
      },
      handler: async () => [...(await recordings.list())],
    })

    app.post('/recordings', {
      config: { role: 'operator', action: 'recording.create' },
      schema: {
        tags,
        summary:
          'Records matching entries and the packets of their connections, now or later, or what is still kept',
        body: z.strictObject(recordingDraft.shape),
        response: { 201: recordingView, ...otherwise },
      },
      handler: async (request, reply) => {
        request.note = { target: request.body.name, detail: request.body.filter }
        return reply.status(201).send(await recordings.create(request.body, callerOf(request).name))
      },
    })

    app.get('/recordings/:name', {
      config: { role: 'viewer' },
      schema: { tags, summary: 'One recording', params, response: { 200: recordingView, ...otherwise } },
      handler: (request) => recordings.get(request.params.name),
    })

    app.post('/recordings/:name/stop', {
      config: { role: 'operator', action: 'recording.stop' },
      schema: {
        tags,
        summary: 'Ends a recording; what was recorded stays until it expires',
        params,
        response: { 200: recordingView, ...otherwise },
      },
      handler: (request) => recordings.stop(request.params.name),
    })

    app.delete('/recordings/:name', {
      config: { role: 'operator', action: 'recording.delete' },
      schema: {
        tags,
        summary: 'Deletes a recording on all workers',
        params,
        response: { 204: z.undefined(), ...otherwise },
      },
      handler: async (request, reply) => {
        await recordings.delete(request.params.name)
        return reply.status(204).send()
      },
    })

    app.get('/recordings/:name/pcap', {
      config: { role: 'operator', action: 'recording.pcap' },
      schema: {
        tags,
        summary: 'The packets of all workers in order of time; pcapng when their link types differ',
        params,
        response: { 200: binary('application/vnd.tcpdump.pcap'), ...otherwise },
      },
      handler: async ({ params: { name } }, reply) =>
        replyWithDownload(reply, name, await recordings.pcap(name, whenGone(reply))),
    })

    app.get('/recordings/:name/download', {
      config: { role: 'operator', action: 'recording.download' },
      schema: {
        tags,
        summary: 'Packets of each worker, entries and names of addresses, as tar.gz',
        params,
        response: { 200: binary('application/gzip'), ...otherwise },
      },
      handler: async ({ params: { name } }, reply) =>
        replyWithDownload(reply, name, await recordings.archive(name, whenGone(reply))),
    })
    done()
  }
}

function binary(type: string) {
  return { description: 'A file', content: { [type]: { schema: z.string().meta({ format: 'binary' }) } } }
}

function replyWithDownload(reply: FastifyReply, name: string, { extension, missing, stream }: Download) {
  if (missing.length > 0) reply.header('x-remora-missing', missing.map(encodeURIComponent).join(','))
  return reply
    .header('content-disposition', `attachment; filename="${name}.${extension}"`)
    .type(TYPES[extension])
    .send(stream)
}

const TYPES = {
  pcap: 'application/vnd.tcpdump.pcap',
  pcapng: 'application/x-pcapng',
  'tar.gz': 'application/gzip',
} as const
