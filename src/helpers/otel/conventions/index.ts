import { describeMemcached, describeMongodb, describeRedis, describeSql } from './database.ts'
import { describeGraphql, describeGrpc, describeHttp } from './http.ts'
import { describeAmqp, describeKafka, describeMqtt } from './messaging.ts'
import { describeDns, describeOther } from './other.ts'
import type { Described, SeenEntry, View } from './seen.ts'

/** Who made a span where nobody says: databases are seen by who asks them, all else by who answers. */
export function usualSide(entry: SeenEntry): View['side'] {
  return CLIENTS.has(entry.text('protocol.name') ?? '') ? 'client' : 'server'
}

const CLIENTS: ReadonlySet<string> = new Set([
  ...['postgresql', 'mysql', 'mongodb', 'redis', 'memcached', 'ldap', 'radius'],
])

/** Name, kind and attributes of an entry by the semantic conventions of OpenTelemetry (https://opentelemetry.io/docs/specs/semconv/). */
export function describeEntry(entry: SeenEntry, view: View): Described {
  switch (entry.text('protocol.name')) {
    case 'http':
      return describeRequest(entry, view)
    case 'postgresql':
      return describeSql(entry, view, 'postgresql')
    case 'mysql':
      return describeSql(entry, view, 'mysql')
    case 'mongodb':
      return describeMongodb(entry, view)
    case 'redis':
      return describeRedis(entry, view)
    case 'memcached':
      return describeMemcached(entry, view)
    case 'kafka':
      return describeKafka(entry)
    case 'amqp':
      return describeAmqp(entry)
    case 'mqtt':
      return describeMqtt(entry)
    case 'dns':
      return describeDns(entry)
    default:
      return describeOther(entry, view)
  }
}

function describeRequest(entry: SeenEntry, view: View): Described {
  switch (entry.text('protocol.abbr')) {
    case 'gRPC':
      return describeGrpc(entry, view)
    case 'GQL':
      return describeGraphql(entry, view)
    default:
      return describeHttp(entry, view)
  }
}
