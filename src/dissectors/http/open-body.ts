import type { DissectContext } from '../../dissect/dissector.ts'
import { Body } from './body.ts'
import { GrpcBody } from './grpc/body.ts'
import { type HttpMessage, HttpRequest } from './messages.ts'

/** Gives a message the body that its head announces: `expected` bytes, or 0 when that is not known. */
export function openBody(
  message: HttpMessage,
  context: DissectContext,
  expected: number,
  request: HttpRequest | undefined = message instanceof HttpRequest ? message : undefined,
): Body {
  const { wantsBodies, maxBody, protos } = context
  const { kind } = message.head
  const limit = wantsBodies ? maxBody : 0
  const body = new Body(kind === 'dns' ? Math.max(limit, LONGEST_DNS) : limit, expected)
  message.body = body
  if (kind === 'grpc') {
    const method = request === undefined ? undefined : protos?.methods.get(request.path)
    const type = message === request ? method?.request : method?.response
    message.grpc = body.watcher = new GrpcBody(protos, type ?? '')
  }
  return body
}

/** A message of DNS is no longer. */
const LONGEST_DNS = 65_535
