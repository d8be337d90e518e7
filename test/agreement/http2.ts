import type { Side } from '../../src/dissect/dissector.ts'
import { type Comparison, type Fields, type Rows, tally } from './seen.ts'

/** What is unknown on either side, as after joining midway, is left out: it must not be there under another name. */
export const http2: Comparison = (seen, truth) => {
  const { streams } = (truth.http2 as { streams?: Rows } | undefined) ?? {}
  if (streams === undefined) return []
  // The request of an upgrade was sent in HTTP/1; its stream has none.
  const requests = seen.requests('http2').filter(({ httpVersion }) => httpVersion === 'HTTP/2.0')
  const responses = seen.responses('http2')
  const column = (index: number) =>
    streams.rows.map((row) => row[index]).filter((cell) => cell !== null && cell !== '')
  return [
    {
      what: 'method',
      ours: tally(requests.map(({ method }) => String(method)).filter((method) => method !== '')),
      theirs: tally(column(4).map(String)),
    },
    {
      what: 'path',
      ours: tally(requests.map(({ url }) => shortened(String(url))).filter((url) => url !== '')),
      theirs: tally(column(7).map((path) => shortened(String(path)))),
    },
    {
      what: 'status',
      ours: tally(responses.map(({ status }) => String(status)).filter((status) => status !== '0')),
      theirs: tally(column(8).map(String)),
    },
    {
      what: 'bytes of request bodies',
      ours: tally(requests.map(({ bodySize }) => String(bodySize)).filter((size) => size !== '0')),
      theirs: tally(
        column(13)
          .map(String)
          .filter((size) => size !== '0'),
      ),
    },
    {
      what: 'bytes of response bodies',
      ours: tally(responses.map(({ bodySize }) => String(bodySize)).filter((size) => size !== '0')),
      theirs: tally(
        column(14)
          .map(String)
          .filter((size) => size !== '0'),
      ),
    },
  ]
}

/** Messages of gRPC by length, whether the client sent them, and whether they are compressed; and statuses of calls. */
export const grpc: Comparison = (seen, truth) => {
  const { messages } = (truth.grpc as { messages?: Rows } | undefined) ?? {}
  const { streams } = (truth.http2 as { streams?: Rows } | undefined) ?? {}
  if (messages === undefined || streams === undefined) return []
  const ours = (from: Side, fields: readonly Fields[]) =>
    fields.flatMap((message) =>
      (message.grpcMessages as { size: number; compressed: boolean; message: unknown }[])
        // What is cut off is no message for tshark; all that are whole can be read.
        .filter((each) => each.message !== null)
        .map(({ size, compressed }) => `${from} ${size} ${compressed}`),
    )
  return [
    {
      what: 'grpc message',
      ours: tally([...ours('client', seen.requests('http2')), ...ours('server', seen.responses('http2'))]),
      theirs: tally(
        messages.rows.map((row) => `${row[3] === true ? 'client' : 'server'} ${row[4]} ${row[5] === 1}`),
      ),
    },
    {
      what: 'grpc status',
      ours: tally(
        seen
          .responses('http2')
          .flatMap(({ grpcStatus }) => (grpcStatus === null ? [] : [String(grpcStatus)])),
      ),
      theirs: tally(streams.rows.flatMap((row) => (row[16] === null ? [] : [String(row[16])]))),
    },
  ]
}

/** The truth has the first 300 characters of long ones. */
function shortened(path: string): string {
  return path.slice(0, 250)
}
