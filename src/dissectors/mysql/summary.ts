import type { Summary } from '../../dissect/dissector.ts'
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
    summaryQuery: query(`${side}.${field}`, value),
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

function onOneLine(value: string): string {
  return beginning(value.length > LONGEST ? value.slice(0, LONGEST + 1) : value)
    .replace(/\s+/g, ' ')
    .trim()
}

/** What selects a field with this value, or one that begins like it where it is long. */
function query(field: string, value: string): string {
  const begins = beginning(value)
  const quoted = JSON.stringify(begins)
  return begins === value ? `${field} == ${quoted}` : `${field}.startsWith(${quoted})`
}

/** As much of a text as is shown, and can be written in a filter. */
function beginning(value: string): string {
  const control = value.search(CONTROL)
  const end = Math.min(LONGEST, control < 0 ? value.length : control)
  const isInPair = end < value.length && end > 0 && HIGH_SURROGATE.test(value[end - 1] as string)
  return value.slice(0, isInPair ? end - 1 : end)
}

/** Characters that are shown in a row. */
const LONGEST = 256
const HIGH_SURROGATE = /[\ud800-\udbff]/
const CONTROL = /[\p{Cc}--[\t\n\r\x7f-\x9f]]/v
