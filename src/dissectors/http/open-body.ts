import type { DissectContext } from '../../dissect/dissector.ts'
import { Body } from './body.ts'
import { LONGEST_OPERATION, mayHoldGraphql } from './graphql.ts'
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
  const shown = Math.max(wantsBodies ? maxBody : 0, kind === 'dns' ? LONGEST_DNS : 0)
  // GraphQL is told by the body, whether bodies are wanted or not.
  const looked = request === message && asksGraphql(request, expected) ? LONGEST_OPERATION : 0
  const body = new Body(Math.max(shown, looked), expected, shown)
  message.body = body
  if (kind === 'grpc') {
    const method = request === undefined ? undefined : protos?.methods.get(request.path)
    const type = message === request ? method?.request : method?.response
    message.grpc = body.watcher = new GrpcBody(protos, type ?? '')
  }
  return body
}

function asksGraphql(request: HttpRequest, length: number): boolean {
  request.mayBeGraphql &&= request.isPost && mayHoldGraphql(request.header('content-type'), length)
  return request.mayBeGraphql
}

/** A message of DNS is no longer. */
export const LONGEST_DNS = 65_535
