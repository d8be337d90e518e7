import type { Summary } from '../../dissect/dissector.ts'
import { onOneLine, textQuery } from '../../dissect/text-query.ts'
import { COM, isLogin } from './commands.ts'
import type { Reply } from './replies.ts'
import type { Request } from './requests.ts'

/** The row of a command with its reply: its name, its statement on one line, the number of the error. */
export function summarize(request: Request | null, response: Reply | null): Summary {
  const side = request === null ? 'response' : 'request'
  const { command } = request ?? response ?? { command: '' }
  const [field, value] = request === null ? ofReply(response) : ofRequest(request)
  const errorCode = response?.errorCode ?? 0
  return {
    method: command,
    methodQuery: `${side}.command == ${JSON.stringify(command)}`,
    summary: onOneLine(value),
    summaryQuery: textQuery(`${side}.${field}`, value),
    status: errorCode,
    statusQuery: errorCode === 0 ? '' : `response.errorCode == ${errorCode}`,
  }
}

type Shown = readonly [field: string, value: string]

function ofRequest(request: Request): Shown {
  const { code, query } = request
  if (query !== '') return ['query', query]
  if (isLogin(code)) return ['user', request.user]
  return code === COM.initDb ? ['database', request.database] : ['argument', request.argument]
}

function ofReply(response: Reply | null): Shown {
  const { errorMessage, serverVersion } = response ?? { errorMessage: '', serverVersion: '' }
  return errorMessage === '' ? ['serverVersion', serverVersion] : ['errorMessage', errorMessage]
}
