import { commandName } from '../../src/dissectors/mysql/commands.ts'
import { type Comparison, type Rows, tally } from './seen.ts'

export const mysql: Comparison = (seen, truth) => {
  const lists = truth.mysql as { commands?: Rows; errors?: Rows; logins?: Rows } | undefined
  if (lists === undefined) return []
  const requests = seen.requests('mysql')
  const errors = seen.responses('mysql').filter(({ errorCode }) => errorCode !== 0)
  const logins = requests.filter(({ command }) => command === 'Login')
  // A request for TLS has no user.
  const theirLogins = (lists.logins?.rows ?? []).filter((row) => row[2] === 'login' && Boolean(row[3]))
  return [
    {
      what: 'mysql command',
      ours: tally(
        requests
          .filter(({ command }) => String(command).startsWith('COM_'))
          .map(({ command, query }) => `${command} ${HAS_TEXT.has(String(command)) ? begins(query) : ''}`),
      ),
      theirs: tally(
        (lists.commands?.rows ?? []).map((row) => `${commandName(Number(row[4]))} ${begins(row[5])}`),
      ),
    },
    {
      what: 'mysql error',
      ours: tally(errors.map((row) => `${row.errorCode} ${row.sqlState} ${begins(row.errorMessage)}`)),
      theirs: tally((lists.errors?.rows ?? []).map((row) => `${row[2]} ${row[3] ?? ''} ${begins(row[4])}`)),
    },
    {
      what: 'mysql login',
      ours: tally(logins.map(({ user }) => String(user))),
      theirs: tally(theirLogins.map((row) => String(row[3]))),
    },
  ]
}

/** Of the others tshark does not know the text. */
const HAS_TEXT = new Set(['COM_QUERY', 'COM_STMT_PREPARE'])

/** tshark shows long texts cut off, and other characters than ASCII as U+FFFD. */
function begins(text: unknown): string {
  return String(text ?? '')
    .replace(/[^\x20-\x7e]+/g, '?')
    .slice(0, 100)
}
