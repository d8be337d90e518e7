import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import { Mistake } from '../../mistake/mistake.ts'
import { apiFailure } from '../../wire/api.ts'
import { printLine } from '../../wire/console.ts'
import type { ApiContext } from './context.ts'
import { rowText } from './documented/rows.ts'
import { answerTo } from './failures.ts'
import { sendLive, type Wording } from './live-entries.ts'
import { Session } from './session.ts'
import { Stream } from './stream.ts'

type Serve = (session: Session, context: ApiContext) => void

/** The stream of our own interface. */
export function streamSocket(context: ApiContext): (app: FastifyInstance) => Promise<void> {
  return async (app) =>
    socketRoute(app, context, '/stream', {
      summary: 'WebSocket: entries, console lines, agents and nodes as they come',
      serve: (session) => void new Stream(context, session),
    })
}

/** WebSockets that tools for Kubeshark open. */
export function documentedSockets(context: ApiContext): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    const tags = ['as on Kubeshark']
    socketRoute(app, context, '/ws', {
      tags,
      summary: 'WebSocket: the first message is a filter; rows of entries follow',
      serve: (session) => serveEntries(session, context, rowText),
    })
    socketRoute(app, context, '/wsFull', {
      tags,
      summary: 'WebSocket: the first message is a filter; whole entries follow',
      serve: (session) => serveEntries(session, context, (entry) => entry),
    })
    socketRoute(app, context, '/scripts/logs', {
      tags,
      summary: 'WebSocket: console lines as text, from now on',
      serve: (session) => void serveLines(session, context),
    })
  }
}

function socketRoute(
  app: FastifyInstance,
  context: ApiContext,
  url: string,
  { serve, summary, tags = ['hub'] }: { serve: Serve; summary: string; tags?: readonly string[] },
): void {
  app.route({
    method: 'GET',
    url,
    config: { role: 'viewer' },
    schema: { tags, summary, response: { 426: apiFailure, default: apiFailure } },
    handler: (_request, reply) =>
      reply.status(426).header('upgrade', 'websocket').send({
        code: 'E_REQUEST',
        message: 'this is a WebSocket: the request has to ask for an upgrade',
      }),
    wsHandler: (socket: WebSocket, _request: FastifyRequest) => open(socket, context, serve),
  })
}

function open(socket: WebSocket, context: ApiContext, serve: Serve): void {
  const { sessions, counters } = context
  const session = new Session(socket, counters)
  if (sessions.size >= MOST_SESSIONS) {
    counters.limited++
    session.close(1013, 'too many WebSockets are open')
    return
  }
  sessions.add(session)
  session.signal.addEventListener('abort', () => sessions.delete(session), { once: true })
  serve(session, context)
}

/** Each filter that comes takes the place of the one before. */
function serveEntries(session: Session, context: ApiContext, wording: (entry: string) => string): void {
  const running = { end: new AbortController() }
  session.signal.addEventListener('abort', () => running.end.abort(), { once: true })
  session.onMessage((filter) => {
    running.end.abort()
    running.end = new AbortController()
    const { signal } = running.end
    void ending(session, context, signal, watch(filter, signal))
  })

  /** These tools know of no message but entries: what they lose is in the counters alone. */
  async function watch(filter: string, signal: AbortSignal): Promise<void> {
    const source = context.control.live(filter, signal)
    const each: Wording = ({ entries }) => entries.map(wording)
    await sendLive(context, session, { source, signal, wording: each })
  }
}

async function serveLines(session: Session, context: ApiContext): Promise<void> {
  const { signal } = session
  await ending(session, context, signal, sendLines(session, context))
}

async function sendLines(session: Session, { control }: ApiContext): Promise<void> {
  for await (const line of control.console({ last: 0 }, true, session.signal)) {
    session.send(printLine(line))
    await session.caughtUp()
  }
}

/** Says why it ends, and ends. */
async function ending(
  session: Session,
  { log }: ApiContext,
  signal: AbortSignal,
  sending: Promise<void>,
): Promise<void> {
  try {
    await sending
    if (!signal.aborted) session.close(1001, 'the hub has ended it')
  } catch (error) {
    if (signal.aborted) return
    const { failure } = answerTo(error, log, 'WebSocket')
    session.send(JSON.stringify(failure))
    session.close(error instanceof Mistake ? 1008 : 1011, failure.code)
  }
}

const MOST_SESSIONS = 256
