import type { DissectContext } from '../../dissect/dissector.ts'
import { Body } from './body.ts'
import { isDnsType } from './dns.ts'
import { LONGEST_OPERATION, mayHoldGraphql } from './graphql.ts'
import { GrpcBody, isGrpcType } from './grpc/body.ts'
import { type HttpMessage, HttpRequest } from './messages.ts'

/** Gives a message the body that its head announces: `expected` bytes, or 0 when that is not known. */
export function openBody(
  message: HttpMessage,
  context: DissectContext,
  expected: number,
  request: HttpRequest | undefined = message instanceof HttpRequest ? message : undefined,
): Body {
  const { wantsBodies, maxBody, protos } = context
  const contentType = message.header('content-type')
  const limit = wantsBodies ? maxBody : 0
  if (message instanceof HttpRequest)
    message.mayBeGraphql &&= message.isPost && mayHoldGraphql(contentType, expected)
  const body = isDnsType(contentType)
    ? new Body(Math.max(limit, LONGEST_DNS), expected)
    : new Body(isLookedInto(message) ? Math.max(limit, LONGEST_OPERATION) : limit, expected, limit)
  message.body = body
  if (isGrpcType(contentType)) {
    const method = request === undefined ? undefined : protos?.methods.get(request.path)
    const type = message === request ? method?.request : method?.response
    message.grpc = body.watcher = new GrpcBody(protos, type ?? '')
  }
  return body
}

/** GraphQL is told by the body, whether bodies are wanted or not. */
function isLookedInto(message: HttpMessage): boolean {
  return message instanceof HttpRequest && message.mayBeGraphql
}

/** A message of DNS is no longer. */
const LONGEST_DNS = 65_535
