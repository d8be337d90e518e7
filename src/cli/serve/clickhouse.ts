import type { Config } from '../../config/index.ts'
import { msOf } from '../../config/quantities.ts'

/** Where entries are kept for long. */
export function clickHouseOf({ clickhouse }: Config['entries']) {
  const { url, database, user, password, ttl } = clickhouse
  return { url, database, user, password, ttlMs: msOf(ttl) }
}
