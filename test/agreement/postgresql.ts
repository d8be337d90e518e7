import { type Comparison, type Rows, tally } from './seen.ts'

/** Names of messages, where tshark has others than the protocol's specification. */
const NAMES: Readonly<Record<string, string>> = {
  'SSL request': 'SSLRequest',
  'GSS encrypt request': 'GSSENCRequest',
  'Startup message': 'StartupMessage',
  'Cancel request': 'CancelRequest',
  'Password message': 'PasswordMessage',
  'SASLInitialResponse message': 'SASLInitialResponse',
  'SASLResponse message': 'SASLResponse',
  'GSSResponse message': 'GSSResponse',
  'Simple query': 'Query',
  'Function call': 'FunctionCall',
  'Copy completion': 'CopyDone',
  'Copy failure': 'CopyFail',
  Termination: 'Terminate',
}

/** Characters that are compared: tshark's list has no more, and shows what is not ASCII in its own way. */
const ascii = (text: unknown, length: number) =>
  String(text ?? '')
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .slice(0, length)

export const postgresql: Comparison = (seen, truth) => {
  const { messages } = (truth.pgsql as { messages?: Rows } | undefined) ?? {}
  if (messages === undefined) return []
  const sent = messages.rows.filter(([, , , isFrontend, type]) => isFrontend && type !== 'Copy data')
  const answered = messages.rows.filter(([, , , isFrontend, type]) => !isFrontend && type !== null)
  const requests = seen.requests('postgresql')
  const responses = seen.responses('postgresql')
  return [
    {
      what: 'message',
      ours: tally(requests.map(({ command }) => String(command))),
      theirs: tally(sent.map(([, , , , type]) => NAMES[String(type)] ?? String(type))),
    },
    {
      what: 'query',
      ours: tally(
        requests
          .filter(({ command }) => command === 'Query' || command === 'Parse')
          .map(({ query }) => ascii(query, 200)),
      ),
      theirs: tally(
        sent
          .filter(([, , , , type]) => type === 'Simple query' || type === 'Parse')
          .map(([, , , , , query]) => ascii(query, 200)),
      ),
    },
    {
      what: 'tag or error',
      ours: tally(
        responses.flatMap(({ commandTags, errorCode, errorMessage }) => [
          ...(commandTags as string[]),
          ...(errorCode === '' ? [] : [ascii(`${errorCode} ${errorMessage}`, 90)]),
        ]),
      ),
      theirs: tally(answered.map(([, , , , , , , said]) => ascii(said, 90))),
    },
  ]
}
