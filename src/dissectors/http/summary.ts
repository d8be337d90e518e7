import type { Message, Summary } from '../../dissect/dissector.ts'
import { textQuery } from '../../dissect/text-query.ts'
import { graphqlLabel, graphqlQuery } from './graphql.ts'
import type { requestShape, responseShape } from './messages.ts'

/** The row of an exchange in lists, of any version of HTTP. */
export function summarize(
  request: Message<typeof requestShape> | null,
  response: Message<typeof responseShape> | null,
): Summary {
  return {
    ...methodOf(request),
    ...(request === null ? NO_PATH : summaryOf(request.path)),
    ...(response === null ? NO_STATUS : statusOf(response)),
  }
}

function methodOf(request: Message<typeof requestShape> | null): Pick<Summary, 'method' | 'methodQuery'> {
  if (request === null) return { method: '', methodQuery: '' }
  if (request.graphql !== null)
    return { method: graphqlLabel(request.graphql), methodQuery: graphqlQuery(request.graphql) }
  return { method: request.method, methodQuery: `request.method == ${JSON.stringify(request.method)}` }
}

function summaryOf(path: string): { readonly summary: string; readonly summaryQuery: string } {
  return {
    summary: path.slice(0, LONGEST_SUMMARY),
    summaryQuery: textQuery('request.path', path, LONGEST_SUMMARY),
  }
}

/** That of a gRPC call tells more than that of the reply which carries it. */
function statusOf({ status, grpcStatus }: Message<typeof responseShape>): {
  readonly status: number
  readonly statusQuery: string
} {
  if (grpcStatus === null) return { status, statusQuery: `response.status == ${status}` }
  return { status: grpcStatus, statusQuery: `response.grpcStatus == ${grpcStatus}` }
}

const NO_PATH = { summary: '', summaryQuery: '' }
const NO_STATUS = { status: 0, statusQuery: '' }
/** Characters of a path that are shown in a row. */
const LONGEST_SUMMARY = 1024
