/** How a dialect writes text. */
export type Dialect = 'postgresql' | 'mysql'

/**
 * A statement with `?` in place of every value, and without its comments: as `db.query.text` is to be. Lists of values become one
 * `?`, so that statements which differ in nothing else are the same.
 */
export function sanitized(sql: string, dialect: Dialect): string {
  return sql
    .slice(0, LONGEST)
    .replace(TOKENS[dialect], (token, comment?: string, name?: string) => {
      if (comment !== undefined) return ' '
      return name === undefined ? '?' : token
    })
    .replace(/\s+/g, ' ')
    .replace(/\(( ?\? ?,)+ ?\? ?\)/g, '(?)')
    .replace(/(\(\?\) ?, ?)+\(\?\)/g, '(?)')
    .trim()
}

const COMMENT = '/\\*[\\s\\S]*?(?:\\*/|$)|--[^\\n]*'
const NUMBER = '0[xX][0-9a-fA-F]+|(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?'
const NAME = '[A-Za-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*'
/** Comments, names, and values, which may go on to the end: what was cut off is a value all the same. */
const TOKENS: Readonly<Record<Dialect, RegExp>> = {
  postgresql: new RegExp(
    `(${COMMENT})|[eE]'(?:\\\\[\\s\\S]|''|[^'\\\\])*(?:'|$)|(?:[uU]&|[xXbBnN])?'(?:''|[^'])*(?:'|$)|(\\$\\d+|"(?:""|[^"])*"|${NAME})|\\$([A-Za-z_]\\w*)?\\$[\\s\\S]*?(?:\\$\\3\\$|$)|${NUMBER}`,
    'g',
  ),
  // What stands in double quotes is text, unless the mode ANSI_QUOTES is on: then a name is lost.
  mysql: new RegExp(
    `(${COMMENT}|#[^\\n]*)|[xXbBnN]?'(?:\\\\[\\s\\S]|''|[^'\\\\])*(?:'|$)|"(?:\\\\[\\s\\S]|""|[^"\\\\])*(?:"|$)|(\`[^\`]*\`|@*${NAME})|${NUMBER}`,
    'g',
  ),
}
const LONGEST = 16_384

/** `SELECT items`: operations and what they are about, from a sanitized statement (`db.query.summary`). */
export function summaryOf(sql: string): string | undefined {
  const words: string[] = []
  let length = 0
  let wantsTarget = false
  for (const [token] of sql.matchAll(WORDS)) {
    const word = token.toUpperCase()
    if (FILLERS.has(word)) continue
    const isOperation = OPERATIONS.has(word)
    const isTable = word === 'TABLE'
    if (isOperation || isTable || (wantsTarget && /^["`\w\u0080-\uffff]/.test(token))) {
      const said = isOperation || isTable ? word : token.replace(/["`]/g, '')
      length += said.length + 1
      if (length > LONGEST_SUMMARY) break
      words.push(said)
    }
    wantsTarget = isTable || BEFORE_TARGETS.has(word)
  }
  return words.length > 0 ? words.join(' ') : /^[A-Za-z]+/.exec(sql)?.[0].toUpperCase()
}

const WORDS = /(?:["`]?[\w$\u0080-\uffff]+["`]?\.)*["`]?[\w$\u0080-\uffff]+["`]?|[(),;?]/g
const OPERATIONS: ReadonlySet<string> = new Set([
  ...['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'CALL', 'CREATE', 'DROP', 'ALTER', 'TRUNCATE'],
])
const BEFORE_TARGETS: ReadonlySet<string> = new Set(['FROM', 'JOIN', 'INTO', 'UPDATE', 'CALL', 'TRUNCATE'])
const FILLERS: ReadonlySet<string> = new Set(['IF', 'NOT', 'EXISTS', 'ONLY', 'IGNORE', 'LOW_PRIORITY'])
/** As the conventions have it. */
const LONGEST_SUMMARY = 255

/** What SQLCommenter puts behind a statement: `traceparent` in a comment (https://google.github.io/sqlcommenter/spec/). */
export function commentsOf(sql: string): Record<string, string> {
  const pairs = [...commentsIn(sql)].flatMap((comment) => [
    ...comment.matchAll(/(?<![\w-])([\w-]+)='((?:\\'|[^'])*)'/g),
  ])
  return Object.fromEntries(
    pairs.map(([, name = '', value = '']) => [name, decoded(value.replaceAll("\\'", "'"))]),
  )
}

/** Each place is looked at once, whatever is open and never closed. */
function* commentsIn(sql: string): Generator<string> {
  for (let at = sql.indexOf('/*'); at >= 0; ) {
    const end = sql.indexOf('*/', at + 2)
    if (end < 0) return
    yield sql.slice(at + 2, end)
    at = sql.indexOf('/*', end + 2)
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
