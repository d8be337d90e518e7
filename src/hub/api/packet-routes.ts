import type { FastifyReply } from 'fastify'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { harOf } from '../../helpers/wrapper/har.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { apiFailure } from '../../wire/api.ts'
import { entriesQuery, entriesSource } from '../../wire/entries.ts'
import { type OpenPackets, type PacketList, packetList } from '../../wire/packets.ts'
import { packetRows } from '../packet-rows.ts'
import { requireRawAccess } from './access.ts'
import type { ApiContext } from './context.ts'
import { streamsOf } from './entry-streams.ts'
import { replyWithJson } from './failures.ts'
import { collectEntries, findEntry } from './find-entry.ts'
import { whenGone } from './gone.ts'
import {
  attachment,
  captureFile,
  packetsGone,
  packetsOfEntry,
  replyWithPackets,
} from './packet-file-reply.ts'

const tags = ['packets']
const otherwise = { default: apiFailure }
const entryParams = z.strictObject({ worker: z.string().min(1), id: z.string().min(1) })
const harFile = { 200: z.looseObject({ log: z.looseObject({}) }), ...otherwise }
const manyEntries = z.strictObject({
  filter: entriesQuery.shape.filter,
  from: entriesQuery.shape.from,
  to: entriesQuery.shape.to,
  source: entriesSource,
})

/**
 * Packets of entries, and entries in the formats of other tools. Packets have what agents hide of entries: they take the
 * role operator.
 */
export function packetRoutes({ control, version }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/entries/:worker/:id/packets', {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Packets of the connection of an entry, in the order of time',
        params: entryParams,
        querystring: z.strictObject({
          source: entriesSource,
          from: z.coerce
            .number()
            .int()
            .min(0)
            .optional()
            .describe('Number of the first packet; where the entry begins when absent and there are many'),
          limit: z.coerce.number().int().min(1).max(1000).default(500),
          bytes: z.coerce
            .number()
            .int()
            .min(0)
            .max(262_144)
            .default(0)
            .describe('How many bytes of each packet are shown, from the link layer on'),
        }),
        response: { 200: packetList, ...otherwise },
      },
      handler: async ({ params, query }, reply): Promise<PacketList> => {
        const signal = whenGone(reply)
        const text = await findEntry(control, `${params.worker}/${params.id}`, signal, query.source)
        const open = await packetsOfEntry(control, text, { source: query.source, signal })
        const from = query.from ?? firstShown(open, query.limit)
        const { packets, next } = await open.read({
          ...{ from, limit: query.limit, snap: Math.max(query.bytes, HEADER_BYTES) },
          mostBytes: MOST_LIST_BYTES,
        })
        return {
          total: open.packets,
          bytes: open.bytes,
          begin: open.begin,
          next: next < open.packets ? next : null,
          isComplete: open.lost.evicted === 0 && !open.isCut,
          packets: packetRows(packets, { interfaces: open.interfaces, from, bytes: query.bytes }),
        }
      },
    })

    app.get('/entries/:worker/:id/pcap', {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Packets of the connection of an entry as a capture file',
        params: entryParams,
        querystring: z.strictObject({ source: entriesSource }),
        response: captureFile,
      },
      handler: async ({ params, query }, reply) => {
        const signal = whenGone(reply)
        const text = await findEntry(control, `${params.worker}/${params.id}`, signal, query.source)
        const open = await packetsOfEntry(control, text, { source: query.source, signal })
        return replyWithPackets(reply, [open], { name: params.id, streams: 1, cut: undefined })
      },
    })

    app.get('/pcap', {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Packets of the connections of all entries that match, as one capture file',
        description: [
          'At most 256 MiB of 2,000 connections: `X-Remora-Cut` says what was left out (`entries`, `streams`, `bytes`),',
          '`X-Remora-Lost` of how many connections nothing or not all is kept any more.',
        ].join(' '),
        querystring: manyEntries,
        response: captureFile,
      },
      handler: async ({ query }, reply) => {
        const signal = whenGone(reply)
        const { texts, isAll } = await collectEntries(control, query, MOST_ENTRIES, signal)
        const streams = streamsOf(texts)
        if (streams.length === 0) throw new Mistake('E_NOT_FOUND', 'no entries match')
        const open = await control.packets(streams.slice(0, MOST_STREAMS), query.source, signal)
        if (open.every(({ packets }) => packets === 0)) throw packetsGone(open)
        const cut = streams.length > MOST_STREAMS ? 'streams' : isAll ? undefined : 'entries'
        return replyWithPackets(reply, open, { name: 'traffic', streams: streams.length, cut })
      },
    })

    app.get('/entries/:worker/:id/har', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'An entry of HTTP as an HTTP archive (HAR 1.2)',
        params: entryParams,
        querystring: z.strictObject({ source: entriesSource }),
        response: harFile,
      },
      handler: async (request, reply) => {
        const { params, query } = request
        requireRawAccess(request, control.isRaw(query.source))
        const id = `${params.worker}/${params.id}`
        const har = harOf([JSON.parse(await findEntry(control, id, whenGone(reply), query.source))], version)
        if (har.log.entries.length === 0)
          throw new Mistake('E_REQUEST', `${id} is not HTTP: there is no HAR of it`)
        return replyWithHar(reply, har, params.id)
      },
    })

    app.get('/har', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Entries of HTTP that match as an HTTP archive (HAR 1.2), the oldest first',
        description: 'The newest 5,000 at most: `X-Remora-Cut: entries` says that there are more.',
        querystring: manyEntries,
        response: harFile,
      },
      handler: async (request, reply) => {
        const { query } = request
        requireRawAccess(request, control.isRaw(query.source))
        const { texts, isAll } = await collectEntries(control, query, MOST_HAR_ENTRIES, whenGone(reply))
        if (!isAll) reply.header('x-remora-cut', 'entries')
        const entries = texts.map((text) => JSON.parse(text))
        return replyWithHar(reply, harOf(entries, version), 'traffic')
      },
    })

    done()
  }
}

/** All of them when they fit; else from a little before the entry on. */
function firstShown({ packets, begin }: OpenPackets, limit: number): number {
  return packets <= limit ? 0 : Math.max(0, Math.min(begin - BEFORE, packets - limit))
}

function replyWithHar(reply: FastifyReply, har: object, name: string): FastifyReply {
  reply.header('content-disposition', attachment(name.replace(/\.pcap/, ''), 'har'))
  return replyWithJson(reply, JSON.stringify(har))
}

/** More than headers take, tunnels included. */
const HEADER_BYTES = 512
const BEFORE = 10
const MOST_LIST_BYTES = 8 << 20
const MOST_STREAMS = 2000
const MOST_ENTRIES = 20_000
const MOST_HAR_ENTRIES = 5000
