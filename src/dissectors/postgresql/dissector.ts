import { defineDissector, type Summary } from '../../dissect/dissector.ts'
import { onOneLine, textQuery } from '../../dissect/text-query.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { BackendParser } from './backend.ts'
import { FrontendParser } from './frontend.ts'
import { probeBackend, probeFrontend, resumesBackend, resumesFrontend } from './probe.ts'
import type { Reply } from './reply.ts'
import type { Request } from './request.ts'
import { Session } from './session.ts'
import { requestShape, responseShape } from './shapes.ts'

const protocol: Protocol = {
  name: 'postgresql',
  version: '3',
  abbr: 'POSTGRESQL',
  longName: 'PostgreSQL Frontend/Backend Protocol',
  macro: 'postgresql',
  backgroundColor: '#336791',
  foregroundColor: '#ffffff',
  fontSize: 11,
  referenceLink: 'https://www.postgresql.org/docs/current/protocol.html',
  ports: ['5432'],
  layer4: 'tcp',
  layer3: 'ip',
  priority: 7,
}

/**
 * PostgreSQL and what speaks like it: versions 3.0 and 3.2 of its protocol. Each message of the client is an entry, with
 * all that the server answers to it; the data of a COPY is counted into the entry of its query.
 */
export const postgresql = defineDissector({
  name: 'postgresql',
  transport: 'tcp',
  ports: [5432],
  pairing: 'own',
  protocols: [protocol],
  request: requestShape,
  response: responseShape,
  probe: (bytes, start, end, from) =>
    from === 'client' ? probeFrontend(bytes, start, end) : probeBackend(bytes, start, end),
  resumes: (bytes, start, end, from) =>
    from === 'client' ? resumesFrontend(bytes, start, end) : resumesBackend(bytes, start, end),
  open(context, opening) {
    const session = new Session(opening)
    return {
      client: new FrontendParser(session),
      server: new BackendParser(session, context),
      abandon: () => session.abandon(),
    }
  },
  summarize: (request, response) => {
    const row = request === null ? summarizeReply(response as Reply) : summarizeRequest(request as Request)
    return { ...row, status: 0, statusQuery: errorQuery(response?.errorCode ?? '') }
  },
})

/** Codes of errors are no numbers, so that the status stays 0; all the same it leads to what failed in the same way. */
function errorQuery(errorCode: string): string {
  return errorCode === '' ? '' : `response.errorCode == ${JSON.stringify(errorCode)}`
}

function summarizeRequest(request: Request): Row {
  const { command, query, user, database, reason } = request
  const methodQuery = `request.command == ${JSON.stringify(command)}`
  if (query !== '') return summary(command, methodQuery, query, 'request.query')
  if (command === 'StartupMessage') {
    const queries = `${textQuery('request.user', user)} and ${textQuery('request.database', database)}`
    return { ...summary(command, methodQuery, `${user}@${database}`, ''), summaryQuery: queries }
  }
  if (reason !== '') return summary(command, methodQuery, reason, 'request.reason')
  return summary(command, methodQuery, request.statement, 'request.statement')
}

/** Of what the server says unasked. */
function summarizeReply({ type, errorCode, errorMessage, channel }: Reply): Row {
  const methodQuery = `response.type == ${JSON.stringify(type)}`
  if (errorCode === '') return summary(type, methodQuery, channel, 'response.channel')
  const text = summary(type, methodQuery, `${errorCode} ${errorMessage}`, '')
  return { ...text, summaryQuery: errorQuery(errorCode) }
}

function summary(method: string, methodQuery: string, whole: string, field: string): Row {
  return {
    method,
    methodQuery,
    summary: onOneLine(whole),
    summaryQuery: textQuery(field, whole),
  }
}

type Row = Omit<Summary, 'status' | 'statusQuery'>
