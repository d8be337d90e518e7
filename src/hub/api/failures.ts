import { randomUUID } from 'node:crypto'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Mistake, type MistakeCode } from '../../mistake/mistake.ts'
import type { ApiFailure } from '../../wire/api.ts'
import type { ApiLog } from './context.ts'

export interface Answer {
  readonly status: number
  readonly failure: ApiFailure
}

/** A request that makes sense, and that this hub does not do. */
export class NotDone extends Mistake {
  constructor(message: string, hint?: string) {
    super('E_REQUEST', message, hint === undefined ? {} : { hint })
  }
}

/** Too many requests. */
export class TooMany extends Mistake {
  readonly retryAfterSeconds: number

  constructor(message: string, retryAfterSeconds: number) {
    super('E_REQUEST', message, { hint: `Try again in ${retryAfterSeconds} s.` })
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** Answers what has failed as JSON. What is no mistake of who asked goes into the log, with the number that is answered. */
export function replyWithFailure(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: ApiLog,
): FastifyReply {
  // Who has gone away gets no answer, and that is no failure of ours.
  if (reply.raw.destroyed) return reply.status(499).send()
  const { status, failure } = answerTo(error, log, `${request.method} ${request.routeOptions.url ?? ''}`)
  if (error instanceof TooMany) reply.header('retry-after', error.retryAfterSeconds)
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="remora"')
  return reply.status(status).serializer(JSON.stringify).type(JSON_TYPE).send(failure)
}

export function answerTo(error: unknown, log: ApiLog, doing: string): Answer {
  if (error instanceof Mistake) return answerToMistake(error, log, doing)
  if (hasZodFastifySchemaValidationErrors(error)) return refuse(400, 'E_REQUEST', requestProblem(error))
  if (error instanceof z.ZodError) return refuse(400, 'E_REQUEST', problemsIn(error.issues))
  if (isHttpError(error)) return refuse(error.statusCode, 'E_REQUEST', error.message)
  return fail(error, log, doing)
}

function answerToMistake(mistake: Mistake, log: ApiLog, doing: string): Answer {
  const { code, message, hint } = mistake
  const status = mistake instanceof NotDone ? 501 : mistake instanceof TooMany ? 429 : (STATUS[code] ?? 500)
  if (status === 500) log.error({ code, message, doing }, 'a request has failed')
  return { status, failure: { code, message, ...(hint === undefined ? {} : { hint }) } }
}

/** JSON text as it is: neither parsed nor checked again. */
export function replyWithJson(reply: FastifyReply, text: string): FastifyReply {
  return reply.type(JSON_TYPE).send(Buffer.from(text))
}

function refuse(status: number, code: MistakeCode, message: string): Answer {
  return { status, failure: { code, message } }
}

/** Our fault: the log says what, and the answer only where to look for it. */
function fail(error: unknown, log: ApiLog, doing: string): Answer {
  const id = randomUUID()
  log.error({ id, doing, err: error }, 'a request has failed')
  return {
    status: 500,
    failure: { code: 'E_INTERNAL', message: `the hub has failed; its log has it as ${id}` },
  }
}

/** Fastify's own: a body that is no JSON, a content type that nobody reads. */
function isHttpError(error: unknown): error is FastifyError & { statusCode: number } {
  if (!(error instanceof Error) || !('statusCode' in error)) return false
  return typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500
}

function requestProblem(error: {
  readonly validation: readonly { readonly instancePath: string; readonly message?: string }[]
  readonly validationContext?: string | undefined
}): string {
  const part = PARTS[error.validationContext ?? ''] ?? 'request'
  return error.validation
    .slice(0, MOST_PROBLEMS)
    .map(({ instancePath, message = '' }) =>
      problem(instancePath.slice(1).replaceAll('/', '.'), part, message),
    )
    .join('; ')
}

/** What is wrong with something that a schema has refused. */
function problemsIn(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]) {
  return issues
    .slice(0, MOST_PROBLEMS)
    .map(({ path, message }) => problem(path.map(String).join('.'), 'message', message))
    .join('; ')
}

function problem(path: string, part: string, message: string): string {
  const plain = message.replace(/^Invalid (input|option): /, '')
  return path === '' ? `${part}: ${plain}` : `${part}: ${path}: ${plain}`
}

const PARTS: Readonly<Record<string, string>> = { body: 'body', querystring: 'query', params: 'path' }
const MOST_PROBLEMS = 5
const JSON_TYPE = 'application/json; charset=utf-8'

const STATUS: Readonly<Partial<Record<MistakeCode, number>>> = {
  E_REQUEST: 400,
  E_AGENT_SYNTAX: 400,
  E_FILTER_SYNTAX: 400,
  E_CAPTURE_FORMAT: 400,
  E_UNAUTHENTICATED: 401,
  E_FORBIDDEN: 403,
  E_NOT_FOUND: 404,
  E_CONFLICT: 409,
  E_TOO_LARGE: 413,
  E_BUSY: 429,
  E_BUS: 503,
  E_BUS_NO_ANSWER: 503,
}
