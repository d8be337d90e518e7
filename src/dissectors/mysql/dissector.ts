import { defineDissector } from '../../dissect/dissector.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { flag, list, number, object, ofBody, text, textList, textMap } from '../../entry/shape.ts'
import { mayResume, probeClient, probeServer } from './probe.ts'
import type { Reply, ResultRows } from './replies.ts'
import { ReplyParser } from './reply-parser.ts'
import { RequestParser } from './request-parser.ts'
import type { Request } from './requests.ts'
import { Session } from './session.ts'
import { summarize } from './summary.ts'
import type { Text } from './values.ts'

const protocol: Protocol = {
  name: 'mysql',
  version: '10',
  abbr: 'MYSQL',
  longName: 'MySQL Client/Server Protocol',
  macro: 'mysql',
  backgroundColor: '#00758f',
  foregroundColor: '#ffffff',
  fontSize: 11,
  referenceLink: 'https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html',
  ports: ['3306'],
  layer4: 'tcp',
  layer3: 'ip',
  priority: 0,
}

const request = object('What the client asks: its login, or a command', {
  command: text('COM_QUERY, COM_STMT_EXECUTE …; Login, SSLRequest for what comes before commands'),
  query: text('Statement as it was sent; of a prepared one as it was prepared, "" when that was not seen'),
  database: text('Database in use, or to be used from now on; "" when there is none or it is not known'),
  statementId: number('Number of a prepared statement that the command is about; 0 = none'),
  user: text('Who is logged in, or logs in; "" when that was not seen'),
  parameters: list<Text>(
    'Values of the parameters of a prepared statement, as text; empty when they are not known',
    '(string | null)[]',
  ),
  queryAttributes: textMap('Attributes of the query by name'),
  argument: text('What commands without a query are about: a table, a database, the number of a connection'),
  authPlugin: text('Of a login: how the client proves who the user is'),
  connectionAttributes: textMap('Of a login: what the client says of itself, such as program_name'),
  truncated: flag('Not all of it was kept or captured'),
})

const response = object('What the server answers', {
  command: text('Command that it answers; "" when that is not known'),
  success: flag('It went well'),
  errorCode: number('Number of the error, such as 1054; 0 = none'),
  sqlState: text('SQLSTATE of the error'),
  errorMessage: text('Text of the error'),
  affectedRows: number('Rows that were changed, by all statements of the command'),
  lastInsertId: number('AUTO_INCREMENT value of the first row that was inserted last'),
  rowCount: number('Rows of all results; events of a binary log'),
  columns: textList('Names of the columns of the first result'),
  rows: ofBody(
    list<readonly Text[]>('First rows of the first result, when bodies are kept', '(string | null)[][]'),
  ),
  resultSets: ofBody(
    list<ResultRows>(
      'Every result that has rows: of several statements, or of a procedure',
      '{ columns: string[], rows: (string | null)[][], rowCount: number }[]',
    ),
  ),
  resultCount: number('Results in all, with rows or without'),
  warnings: number('Warnings that the server has'),
  info: text('What it says besides: counts of rows, statistics, the file that it asks for'),
  statementId: number('Number that it has given to a prepared statement'),
  parameterCount: number('Parameters of a prepared statement'),
  serverVersion: text('Of a login: version of the server'),
  connectionId: number('Of a login: number of the connection'),
  authPlugin: text('Of a login: how the server wants the user to prove who that is'),
  incomplete: flag('It broke off, or some of it was not captured'),
})

/** MySQL and MariaDB, the classic protocol. https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html */
export const mysql = defineDissector({
  name: 'mysql',
  transport: 'tcp',
  ports: [3306],
  pairing: 'own',
  protocols: [protocol],
  request,
  response,
  probe: (bytes, start, end, from) =>
    from === 'client' ? probeClient(bytes, start, end) : probeServer(bytes, start, end),
  resumes: mayResume,
  open(context, opening) {
    const session = new Session(opening.isWhole)
    const client = new RequestParser(context, session, opening)
    const server = new ReplyParser(context, session, opening)
    const abandon = () => {
      server.cut()
      return session.ready.shift() ?? session.abandoned()
    }
    return { client, server, abandon }
  },
  summarize: (request, response) => summarize(request as Request | null, response as Reply | null),
})
