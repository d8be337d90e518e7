import type { Message, Summary } from '../../dissect/dissector.ts'
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
  return { method: request.method, methodQuery: `request.method == ${quoted(request.method)}` }
}

function summaryOf(path: string): { readonly summary: string; readonly summaryQuery: string } {
  if (path.length <= LONGEST_SUMMARY)
    return { summary: path, summaryQuery: `request.path == ${quoted(path)}` }
  const summary = path.slice(0, LONGEST_SUMMARY)
  return { summary, summaryQuery: `request.path.startsWith(${quoted(summary)})` }
}

/** That of a gRPC call tells more than that of the reply which carries it. */
function statusOf({ status, grpcStatus }: Message<typeof responseShape>): {
  readonly status: number
  readonly statusQuery: string
} {
  if (grpcStatus === null) return { status, statusQuery: `response.status == ${status}` }
  return { status: grpcStatus, statusQuery: `response.grpcStatus == ${grpcStatus}` }
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

const NO_PATH = { summary: '', summaryQuery: '' }
const NO_STATUS = { status: 0, statusQuery: '' }
/** Characters of a path that are shown in a row. */
const LONGEST_SUMMARY = 1024
