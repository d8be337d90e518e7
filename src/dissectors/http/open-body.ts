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
  const shown = Math.max(wantsBodies ? maxBody : 0, isDnsType(contentType) ? LONGEST_DNS : 0)
  // GraphQL is told by the body, whether bodies are wanted or not.
  const looked = request === message && asksGraphql(request, contentType, expected) ? LONGEST_OPERATION : 0
  const body = new Body(Math.max(shown, looked), expected, shown)
  message.body = body
  if (isGrpcType(contentType)) {
    const method = request === undefined ? undefined : protos?.methods.get(request.path)
    const type = message === request ? method?.request : method?.response
    message.grpc = body.watcher = new GrpcBody(protos, type ?? '')
  }
  return body
}

function asksGraphql(request: HttpRequest, contentType: string, length: number): boolean {
  request.mayBeGraphql &&= request.isPost && mayHoldGraphql(contentType, length)
  return request.mayBeGraphql
}

/** A message of DNS is no longer. */
const LONGEST_DNS = 65_535
