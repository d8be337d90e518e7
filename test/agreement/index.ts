import type { Truth } from '../../src/testing/corpus.ts'
import type { ReadCapture } from '../../src/testing/read-capture.ts'
import { amqp } from './amqp.ts'
import { diameter } from './diameter.ts'
import { dns, http1, icmp, redis, tls } from './first-set.ts'
import { grpc, http2 } from './http2.ts'
import { kafka } from './kafka.ts'
import { ldap } from './ldap.ts'
import { mongodb } from './mongodb.ts'
import { mqtt } from './mqtt.ts'
import { mysql } from './mysql.ts'
import { postgresql } from './postgresql.ts'
import { radius } from './radius.ts'
import { sctp } from './sctp.ts'
import { type Comparison, Seen } from './seen.ts'
import { ws } from './ws.ts'

/** One a protocol: what of it must agree with the truth. */
const comparisons: readonly Comparison[] = [
  http1,
  dns,
  redis,
  tls,
  icmp,
  radius,
  diameter,
  sctp,
  amqp,
  mqtt,
  mongodb,
  ldap,
  kafka,
  http2,
  grpc,
  ws,
  mysql,
  postgresql,
]

/** Where our entries and the truth differ: `status 200: ours 3, truth 4`. */
export function differences(read: ReadCapture, truth: Truth): string[] {
  const seen = new Seen(read)
  return comparisons
    .flatMap((compare) => compare(seen, truth))
    .flatMap(({ what, ours, theirs }) =>
      [...new Set([...Object.keys(ours), ...Object.keys(theirs)])]
        .filter((key) => (ours[key] ?? 0) !== (theirs[key] ?? 0))
        .map((key) => `${what} ${key}: ours ${ours[key] ?? 0}, truth ${theirs[key] ?? 0}`),
    )
}
