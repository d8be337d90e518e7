import { type Described, isObject, positive, type SeenEntry, type View } from './seen.ts'
import { commentsOf, type Dialect, sanitized, summaryOf } from './sql.ts'

/** https://opentelemetry.io/docs/specs/semconv/db/database-spans/ */
export function describeSql(entry: SeenEntry, view: View, dialect: Dialect): Described {
  const command = entry.text('request.command')
  const query = entry.text('request.query')
  const clean = query === undefined ? undefined : sanitized(query, dialect)
  const summary = clean === undefined ? undefined : summaryOf(clean)
  const namespace = entry.text('request.database')
  return {
    name: summary ?? named(command, namespace) ?? dialect,
    kind: view.side,
    attributes: {
      'db.system.name': dialect,
      'db.namespace': namespace,
      'db.operation.name': summary === undefined ? command : undefined,
      'db.query.summary': summary,
      'db.query.text': view.query === 'none' ? undefined : view.query === 'raw' ? query : clean,
      ...responseAttributes(entry, codeOf(entry)),
    },
    error: errorOf(entry, view, codeOf(entry)),
    carriers: query === undefined ? [] : [commentsOf(query)],
  }
}

/** https://opentelemetry.io/docs/specs/semconv/db/mongodb/ */
export function describeMongodb(entry: SeenEntry, view: View): Described {
  const operation = entry.text('request.command')
  const collection = entry.text('request.collection')
  const comment = entry.at('request.body.comment')
  const code = positive(entry.number('response.errorCode'))
  return {
    name: named(operation, collection ?? entry.text('request.database')) ?? 'mongodb',
    kind: view.side,
    attributes: {
      'db.system.name': 'mongodb',
      'db.namespace': entry.text('request.database'),
      'db.collection.name': collection,
      'db.operation.name': operation,
      'db.operation.batch.size': batchOf(entry.number('request.documentCount')),
      'db.query.text': mongoText(entry, view),
      ...responseAttributes(entry, code === undefined ? undefined : String(code)),
    },
    error: errorOf(entry, view, code === undefined ? undefined : String(code)),
    carriers: isObject(comment) ? [comment] : [],
  }
}

/** A batch of one is none. */
function batchOf(count: number | undefined): number | undefined {
  return count !== undefined && count > 1 ? count : undefined
}

function mongoText(entry: SeenEntry, { query }: View): string | undefined {
  if (query === 'none' || !entry.has('request.body')) return undefined
  if (query === 'raw') return entry.text('request.statement')
  const body = Object.entries(entry.object('request.body')).filter(([name]) => !NOT_OF_A_QUERY.has(name))
  // The first names command and collection, which are no values.
  return JSON.stringify(
    Object.fromEntries(body.map(([name, value], at) => [name, at === 0 ? value : withoutValues(value)])),
  )
}

const NOT_OF_A_QUERY: ReadonlySet<string> = new Set([
  '$db',
  'lsid',
  '$clusterTime',
  '$readPreference',
  'comment',
  'txnNumber',
])

function withoutValues(value: unknown): unknown {
  if (Array.isArray(value)) {
    // Documents that are alike say no more than one of them.
    const kinds = value.map(withoutValues)
    return [...new Map(kinds.map((kind) => [JSON.stringify(kind), kind])).values()]
  }
  if (!isObject(value)) return '?'
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withoutValues(each)]))
}

/** https://opentelemetry.io/docs/specs/semconv/db/redis/ */
export function describeRedis(entry: SeenEntry, view: View): Described {
  const command = entry.text('request.command')?.toUpperCase()
  const args = entry.list('request.args')
  const code = entry.text('response.type') === 'Error' ? entry.text('response.keyword') : undefined
  return {
    name: command ?? 'redis',
    kind: view.side,
    attributes: {
      'db.system.name': 'redis',
      'db.operation.name': command,
      'db.query.text':
        view.query === 'none' || command === undefined
          ? undefined
          : [command, ...(view.query === 'raw' ? args.map(String) : redisArgs(command, args))].join(' '),
      ...responseAttributes(entry, code),
    },
    error: code === undefined ? undefined : { type: code, message: entry.text('response.value') },
  }
}

/** Keys say what it was about; what is behind them are values, and of passwords there is nothing to be said. */
function redisArgs(command: string, args: readonly unknown[]): readonly string[] {
  if (WITHOUT_KEY.has(command)) return args.map(() => '?')
  if (ALL_KEYS.has(command)) return args.map(String)
  return args.map((arg, at) => (at === 0 ? String(arg) : '?'))
}

const WITHOUT_KEY: ReadonlySet<string> = new Set([
  'AUTH',
  'HELLO',
  'ACL',
  'MIGRATE',
  'ECHO',
  'PING',
  'EVAL',
  'EVALSHA',
])
const ALL_KEYS: ReadonlySet<string> = new Set([
  'DEL',
  'EXISTS',
  'MGET',
  'UNLINK',
  'TOUCH',
  'SUBSCRIBE',
  'SINTER',
  'SUNION',
])

/** There is no convention for it; what the others have in common holds. */
export function describeMemcached(entry: SeenEntry, view: View): Described {
  const command = entry.text('request.command')
  const failure = entry.text('response.error')
  return {
    name: command ?? 'memcached',
    kind: view.side,
    attributes: {
      'db.system.name': 'memcached',
      'db.operation.name': command,
      'db.query.text':
        view.query === 'none' || command === undefined
          ? undefined
          : [command, ...entry.list('request.keys').map(String)].join(' '),
    },
    error:
      failure === undefined
        ? undefined
        : { type: entry.text('response.status') ?? '_OTHER', message: failure },
  }
}

/** SQLSTATE of PostgreSQL; the number of MySQL. */
function codeOf(entry: SeenEntry): string | undefined {
  const code = entry.text('response.errorCode')
  return code === '0' ? undefined : code
}

function responseAttributes(entry: SeenEntry, code: string | undefined) {
  return {
    'db.response.status_code': code,
    'db.response.returned_rows': positive(entry.number('response.rowCount')),
    'server.address': entry.text('dst.name') ?? entry.text('dst.ip'),
    'server.port': positive(entry.number('dst.port')),
  }
}

/** Databases quote in their messages what they were given. */
function errorOf(entry: SeenEntry, { query }: View, code: string | undefined): Described['error'] {
  const failed = entry.has('response') && entry.at('response.success') === false
  const said = entry.text('response.errorMessage')
  const message = query === 'raw' ? said : said?.replace(/'[^']*'|"[^"]*"/g, "'?'")
  return failed || code !== undefined ? { type: code ?? '_OTHER', message } : undefined
}

function named(operation: string | undefined, target: string | undefined): string | undefined {
  if (operation === undefined) return target
  return target === undefined ? operation : `${operation} ${target}`
}
