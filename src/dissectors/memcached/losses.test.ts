import { test } from 'node:test'
import { assertNothingIsMispaired, capturesOf } from '../../testing/losses.ts'
import type { Reply, Request } from './messages.ts'

for (const { name, path } of capturesOf('memcached'))
  test(`what is paired where packets of ${name} are lost is what belongs together`, () =>
    assertNothingIsMispaired(path, printed))

function printed({ command, opcode, keys, opaque }: Request, reply: Reply): string | undefined {
  const { status, hits, value, error, incomplete } = reply
  return incomplete
    ? undefined
    : `${command} ${opcode} ${keys} ${opaque} = ${status} ${hits} ${value} ${error}`
}
