import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import websocket from '@fastify/websocket'
import { type FastifyInstance, fastify } from 'fastify'
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { API_PATH, apiFailure } from '../../wire/api.ts'
import { guard } from './access.ts'
import { alertRoutes } from './alerts.ts'
import { authoringRoutes } from './authoring.ts'
import { captureRoutes } from './capture-routes.ts'
import type { ApiContext } from './context.ts'
import { answerFromDashboard, readyDashboard } from './dashboard.ts'
import { descriptionOf } from './description.ts'
import { documentedRoutes, mcpRoutes, missingRoutes } from './documented/routes.ts'
import { scriptRoutes } from './documented/scripts.ts'
import { replyWithFailure, TooMany } from './failures.ts'
import { filterRoutes } from './filters.ts'
import { healthRoutes } from './health.ts'
import { identityRoutes } from './identity.ts'
import { outboxRoutes } from './outbox.ts'
import { packetRoutes } from './packet-routes.ts'
import { policyRoutes } from './policies.ts'
import { recordingRoutes } from './recordings.ts'
import { reportRoutes } from './reports.ts'
import { agentRoutes, entryRoutes, hubRoutes, operationRoutes } from './routes.ts'
import { nameSchemas } from './schema-names.ts'
import { documentedSockets, streamSocket } from './sockets.ts'
import { targetingRoutes } from './targeting.ts'
import { trialRoutes } from './trials.ts'

export interface AppOptions {
  /** Address that is listened on: whether others than programs on this machine may come. */
  readonly host: string
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined
  /** Folder of the built dashboard. */
  readonly dashboard: string
  /** Of one address in a minute; as many as nobody but a loop needs when absent. */
  readonly mostRequests?: number
  readonly answered?: (route: string, status: number, seconds: number) => void
}

/** The whole interface, that listens nowhere yet. Throws `E_CONFIG_VALUE` when it would be open to everybody. */
export async function buildApp(context: ApiContext, options: AppOptions): Promise<FastifyInstance> {
  const { host, tls, dashboard, mostRequests = MOST_REQUESTS } = options
  nameSchemas()
  const app = fastify({
    serverFactory: (handler) => serverFor(handler, tls),
    bodyLimit: LARGEST_BODY,
    routerOptions: { maxParamLength: LONGEST_PARAM },
    clientErrorHandler: refuseBadHttp,
    // Addresses that are none: its message would repeat them, however long they are.
    frameworkErrors: (_error, request, reply) =>
      replyWithFailure(new Mistake('E_REQUEST', 'this is no address'), request, reply, context.log),
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler((error, request, reply) =>
    replyWithFailure(inBytes(error, request.headers['content-length']), request, reply, context.log),
  )
  await readyDashboard(app, dashboard)
  app.setNotFoundHandler((request, reply) => {
    const answer = answerFromDashboard(request, reply, dashboard)
    if (answer !== undefined) return answer
    const mistake = new Mistake('E_NOT_FOUND', `there is no ${request.method} ${pathOf(request.url)}`, {
      hint: `GET ${API_PATH}/openapi.json has all that there is.`,
    })
    return replyWithFailure(mistake, request, reply, context.log)
  })
  app.addHook('onResponse', async ({ routeOptions }, reply) => {
    options.answered?.(routeOptions.url ?? 'none', reply.statusCode, reply.elapsedTime / 1000)
  })
  limitRequests(app)
  readEmptyBodies(app)
  await app.register(websocket, {
    options: { maxPayload: LARGEST_MESSAGE, perMessageDeflate: false },
    errorHandler: (_error, socket) => socket.terminate(),
    preClose: (done) => done(),
  })
  await app.register(swagger, openApi(context.version))
  guard(app, context, host)
  await app.register(rateLimit, {
    max: mostRequests,
    timeWindow: '1 minute',
    errorResponseBuilder: (_request, { ttl }) => {
      context.counters.limited++
      return new TooMany('too many requests', Math.ceil(ttl / 1000))
    },
  })
  await registerRoutes(app, context)
  return app
}

async function registerRoutes(app: FastifyInstance, context: ApiContext): Promise<void> {
  await app.register(healthRoutes(context))
  for (const routes of [
    agentRoutes,
    authoringRoutes,
    operationRoutes,
    entryRoutes,
    filterRoutes,
    packetRoutes,
    captureRoutes,
    hubRoutes,
    identityRoutes,
    targetingRoutes,
    trialRoutes,
    recordingRoutes,
    alertRoutes,
    outboxRoutes,
    reportRoutes,
    policyRoutes,
    streamSocket,
  ])
    await app.register(routes(context), { prefix: API_PATH })
  await app.register(documentRoute, { prefix: API_PATH })
  // The public paths begin with /api; within a cluster, and for older tools, they do not.
  for (const prefix of ['/api', ''])
    for (const routes of [documentedRoutes, mcpRoutes, scriptRoutes, documentedSockets, missingRoutes])
      await app.register(routes(context), { prefix })
}

/** What this describes is made from what checks requests and answers. */
async function documentRoute(app: FastifyInstance): Promise<void> {
  app.withTypeProvider<ZodTypeProvider>().get('/openapi.json', {
    config: { role: 'viewer' },
    schema: {
      tags: ['hub'],
      summary: 'This description, OpenAPI 3.1',
      response: { 200: z.record(z.string(), z.unknown()), default: apiFailure },
    },
    handler: async () => descriptionOf(app),
  })
}

function openApi(version: string) {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Remora',
        description: [
          'The hub of Remora. Paths below /api that are not below /api/v1 are those of Kubeshark, and answer',
          'without /api in front, too.',
        ].join(' '),
        version,
      },
      components: { securitySchemes: { token: { type: 'http' as const, scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: describedOnce,
    transformObject: jsonSchemaTransformObject,
  }
}

/** Paths without `/api` are the same again. */
const describedOnce: typeof jsonSchemaTransform = (route) =>
  jsonSchemaTransform(
    /^\/(api\/|healthz|readyz)/.test(route.url) ? route : { ...route, schema: { hide: true } },
  )

function serverFor(handler: RequestListener, tls: AppOptions['tls']): Server {
  const limits = {
    maxHeaderSize: LONGEST_HEADER,
    headersTimeout: HEADERS_MS,
    // Of those that may be long; others are ended before: see limitRequests.
    requestTimeout: LONG_REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Whoever sends nothing for too long is found so often: connections are few.
    connectionsCheckingInterval: CHECK_MS,
  }
  const server =
    tls === undefined
      ? createHttpServer(limits, handler)
      : createHttpsServer({ ...limits, ...tls, minVersion: 'TLSv1.2' }, handler)
  server.maxConnections = MOST_SOCKETS
  return server
}

/** A body has to come in time; where large ones are taken, in more time. */
function limitRequests(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ raw, routeOptions }) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = raw.headers
    const hasBody = encoding !== undefined || (length !== undefined && length !== '0')
    if (!hasBody || routeOptions.config.isLong === true) return
    const late = setTimeout(() => refuseBadHttp(new LateBody('the body is late'), raw.socket), REQUEST_MS)
    raw.once('close', () => clearTimeout(late)).once('end', () => clearTimeout(late))
  })
}

class LateBody extends Error {
  readonly code = 'ERR_HTTP_REQUEST_TIMEOUT'
}

/** Tools send `Content-Type: application/json` without a body, too. */
function readEmptyBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else void parse(request, String(body), done)
  })
}

/** A body that is too large, with both sizes. */
function inBytes(error: unknown, length: string | undefined): unknown {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'FST_ERR_CTP_BODY_TOO_LARGE')
    return error
  const size = length === undefined ? 'more bytes' : `${length} bytes`
  return new Mistake('E_TOO_LARGE', `the body has ${size}, and ${LARGEST_BODY} are taken at most`)
}

/** What is not even HTTP is answered in the same words. */
function refuseBadHttp(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, message] = BAD_HTTP[error.code ?? ''] ?? ['400 Bad Request', 'this is not HTTP']
  const body = JSON.stringify({ code: 'E_REQUEST', message })
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
}

const BAD_HTTP: Readonly<Record<string, readonly [string, string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the headers are too long'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the request did not come in time'],
}

function pathOf(url: string): string {
  return url.split('?')[0]?.slice(0, LONGEST_SHOWN) ?? ''
}

const LARGEST_BODY = 1 << 20
const LARGEST_MESSAGE = 256 << 10
const LONGEST_PARAM = 2000
const LONGEST_SHOWN = 200
/** A filter may be 64 KiB long. */
const LONGEST_HEADER = 96 << 10
const CHECK_MS = 2000
const HEADERS_MS = 15_000
const REQUEST_MS = 60_000
const LONG_REQUEST_MS = 30 * 60_000
const KEEP_ALIVE_MS = 30_000
const MOST_SOCKETS = 1024
const MOST_REQUESTS = 30_000
