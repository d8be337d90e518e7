import { flag, list, number, object, ofBody, text, textList, textMap } from '../../entry/shape.ts'

/** A row as text, NULL as null. */
export type Row = readonly (string | null)[]

/** What the server has to say beside the reply. */
export interface Notice {
  readonly severity: string
  readonly code: string
  readonly message: string
}

export const requestShape = object('A message of the client', {
  command: text(
    'Its name: StartupMessage, Query, Parse, Bind, Describe, Execute, Close, Sync, FunctionCall, CopyDone, Terminate …',
  ),
  query: text(
    'The SQL that it is about: that of a Query or Parse, of the statement that a Bind, Describe, Execute or Close names. At most 64 KiB; "" where the capture does not show it',
  ),
  database: text('Of the connection; "" where its start was not captured'),
  user: text('Of the connection, likewise'),
  statement: text('Name of the prepared statement; "" for the one without a name'),
  portal: text('Name of the portal'),
  parameters: list<string | null>(
    'Values of the parameters as text, \\x and hexadecimal for binary ones of types that are not known; NULL is null',
    '(string | null)[]',
  ),
  parameterTypes: textList('Their types, as far as they are known: int4, text, or a number'),
  maxRows: number('Rows that an Execute asks for; 0 = all'),
  options: textMap('What a StartupMessage sets: user, database, application_name, client_encoding …'),
  protocolVersion: text('Of a StartupMessage: 3.0, 3.2; else ""'),
  mechanism: text('Of a SASLInitialResponse: SCRAM-SHA-256 …; else "". Passwords and proofs are not kept'),
  processId: number('Of a CancelRequest: the server process whose query it cancels; else 0'),
  functionId: number('Of a FunctionCall: the function; else 0'),
  reason: text('Of a CopyFail: why; else ""'),
})

export const responseShape = object('What the server answers to it, or says unasked', {
  type: text(
    'Message that tells most: CommandComplete, ErrorResponse, ParseComplete, BindComplete, RowDescription, ReadyForQuery, AuthenticationSASL …; of what comes unasked NotificationResponse, NoticeResponse, ParameterStatus',
  ),
  success: flag('There is no error in it'),
  errorCode: text('SQLSTATE: 42P01, 23505 …; "" without an error'),
  errorMessage: text('Primary message of the error'),
  severity: text('ERROR, FATAL or PANIC; "" without an error'),
  detail: text('More of the error'),
  hint: text('What to do about it'),
  position: number('Character of the query that it is about, from 1; 0 = none'),
  errorFields: textMap('All fields of the error by their letter in the protocol'),
  commandTag: text('INSERT 0 1, SELECT 5, BEGIN …; the last one of a query with several statements'),
  commandTags: textList('All of them'),
  rowCount: number('Rows returned, changed or copied, over all statements'),
  columns: textList('Names of the columns'),
  columnTypes: textList('Their types: int4, text, or a number'),
  rows: ofBody(
    list<Row>(
      'The first rows (at most 100, and 64 KiB) as text, when bodies are kept',
      '(string | null)[][]',
    ),
  ),
  transaction: text(
    'State afterwards: idle, transaction (one is open) or failed (until it is rolled back); "" where the reply does not tell',
  ),
  authentication: text(
    'What the server asks for: Ok (nothing more), CleartextPassword, MD5Password, SASL, SASLContinue, GSS …; else ""',
  ),
  mechanisms: textList('What may be used for SASL'),
  parameters: textMap('Settings that the server reports: server_version, TimeZone …'),
  parameterTypes: textList('Types of the parameters of a statement that was described'),
  processId: number('Of the server process, when it says so; else 0'),
  notices: list<Notice>(
    'Notices and warnings (at most 20)',
    '{ severity: string; code: string; message: string }[]',
  ),
  channel: text('Of a NotificationResponse; else ""'),
  payload: text('Of a NotificationResponse; else ""'),
  copyMessages: number('CopyData messages, either way'),
  copyBytes: number('Bytes of data in them'),
  incomplete: flag('Part of it was not captured'),
})
