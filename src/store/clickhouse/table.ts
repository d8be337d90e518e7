import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { Mistake } from '../../mistake/mistake.ts'
import { COLUMN_TYPES } from './columns.ts'

export interface ClickHouseOptions {
  readonly url: string
  readonly database: string
  readonly user: string
  readonly password: string
  readonly ttlMs: number
}

export type ClickHouseClient = ReturnType<typeof createClient>

/** Names of databases go into queries as they are. */
export function clientFor({ url, user, password, database }: ClickHouseOptions): ClickHouseClient {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(database))
    throw new Mistake('E_CONFIG_VALUE', 'entries.clickhouse.database is no name of a database', {
      hint: 'use letters, digits and _',
    })
  try {
    return createClient({
      url,
      username: user,
      password,
      application: 'remora',
      request_timeout: REQUEST_MS,
      max_open_connections: 4,
      log: { level: ClickHouseLogLevel.OFF },
      // Old servers quote them, which JSON does not need below 2^53.
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    })
  } catch {
    // Its message has the address, which may have a password.
    throw new Mistake('E_CONFIG_VALUE', 'entries.clickhouse.url is no address of a ClickHouse server', {
      hint: 'give it like http://127.0.0.1:8123',
    })
  }
}

/** Makes the database and the table, if need be. Servers before 19.6 have no TTL: `dropExpired` does it for them. */
export async function makeTable(
  client: ClickHouseClient,
  { database, ttlMs }: ClickHouseOptions,
): Promise<void> {
  await client.command({ query: `CREATE DATABASE IF NOT EXISTS ${database}` })
  const columns = Object.entries(COLUMN_TYPES).map(([name, type]) => `${name} ${type}`)
  const statement = `CREATE TABLE IF NOT EXISTS ${database}.entries (
    stored DateTime, at_us Int64, at String, node String, session UInt64, seq UInt64, ${columns.join(', ')}, json String
  ) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMMDD(stored) ORDER BY (at_us, node, session, seq)`
  try {
    await client.command({ query: `${statement} TTL stored + toIntervalSecond(${Math.ceil(ttlMs / 1000)})` })
  } catch (error) {
    if (!isSyntaxError(error)) throw error
    await client.command({ query: statement })
  }
}

/** Whole days that are over for longer than entries are kept. */
export async function dropExpired(
  client: ClickHouseClient,
  { database, ttlMs }: ClickHouseOptions,
  now: number,
): Promise<void> {
  const query = `SELECT DISTINCT partition FROM system.parts WHERE database = '${database}' AND table = 'entries' AND active`
  const answer = await client.query({ query, format: 'JSONEachRow' })
  const limit = Number(new Date(now - ttlMs - DAY_MS).toISOString().slice(0, 10).replaceAll('-', ''))
  for (const { partition } of await answer.json<{ partition: string }>())
    if (/^\d{8}$/.test(partition) && Number(partition) < limit)
      await client.command({ query: `ALTER TABLE ${database}.entries DROP PARTITION ${partition}` })
}

/** The server has understood the request and says no: it would again. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && /\bCode: \d+/.test(error.message)
}

/** Or its database. */
export function isMissingTable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const type = 'type' in error ? error.type : undefined
  return /\bCode: (60|81)\b/.test(error.message) || type === 'UNKNOWN_TABLE' || type === 'UNKNOWN_DATABASE'
}

function isSyntaxError(error: unknown): boolean {
  return error instanceof Error && /\bCode: 62\b|Syntax error/.test(error.message)
}

const REQUEST_MS = 30_000
const DAY_MS = 86_400_000
