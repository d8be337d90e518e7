import { defineDissector, type Summary } from '../../dissect/dissector.ts'
import { LONGEST_SUMMARY, textQuery } from '../../dissect/text-query.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { object, text, textList } from '../../entry/shape.ts'
import type { Command, InlineCommand, Reply } from './messages.ts'
import { CommandParser, ReplyParser } from './parsers.ts'
import { beginsReply, probeClient, probeServer } from './probe.ts'
import { Session } from './session.ts'

const protocol: Protocol = {
  name: 'redis',
  version: '3.x',
  abbr: 'REDIS',
  longName: 'Redis Serialization Protocol',
  macro: 'redis',
  backgroundColor: '#a41e11',
  foregroundColor: '#ffffff',
  fontSize: 11,
  referenceLink: 'https://redis.io/docs/latest/develop/reference/protocol-spec/',
  ports: ['6379'],
  layer4: 'tcp',
  layer3: 'ip',
  priority: 3,
}

const request = object('A command', {
  type: text('Array, or N/A for a command typed as a line'),
  command: text('Name of the command in upper case'),
  key: text('First argument; "" without arguments'),
  value: text('The other arguments: the only one as it is, several as [a, b]'),
  keyword: text('Always ""'),
  args: textList(
    'All arguments as text: UTF-8, or a character a byte where they are not that; at most 64 KiB each',
  ),
})

const response = object('A reply, or a message that the server sent unasked', {
  type: text(
    'Simple String, Bulk String, Array, Integer, Error, Null; of RESP3 also Map, Set, Double, Boolean, Big Number, Verbatim String, Push, Bulk Error',
  ),
  command: text(
    'Kind of a pub/sub message, such as MESSAGE, or command that a replica is sent; "" for replies',
  ),
  key: text('Channel or pattern of a pub/sub message, first argument of a command'),
  value: text('The reply as text, several values as [a, b], no value as "", within others as nil'),
  keyword: text('First word of a status or error in upper case: OK, QUEUED, WRONGTYPE'),
  error: text('Text of an error; "" when it is none'),
})

/** Redis and what speaks like it, RESP2 and RESP3, commands as arrays and as lines. */
export const redis = defineDissector({
  name: 'redis',
  transport: 'tcp',
  ports: [6379],
  pairing: 'in-order',
  protocols: [protocol],
  request,
  response,
  probe: (bytes, start, end, from) =>
    from === 'client' ? probeClient(bytes, start, end) : probeServer(bytes, start, end),
  resumes: (bytes, start, end, from) =>
    from === 'client'
      ? probeClient(bytes, start, end) === 'match'
      : beginsReply(bytes, start, end) === 'match',
  open() {
    const session = new Session()
    return { client: new CommandParser(session), server: new ReplyParser(session) }
  },
  summarize: (request, response) =>
    request === null ? summary('response', response) : summary('request', request),
})

type Row = Pick<Command | InlineCommand | Reply, 'command' | 'key'>

function summary(side: string, row: Row | null): Summary {
  const { command, key } = row ?? { command: '', key: '' }
  return {
    method: command,
    methodQuery: `${side}.command == ${JSON.stringify(command)}`,
    summary: key.slice(0, LONGEST_SUMMARY),
    summaryQuery: textQuery(`${side}.key`, key),
    status: 0,
    statusQuery: '',
  }
}
