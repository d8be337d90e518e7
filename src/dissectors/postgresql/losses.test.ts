import { test } from 'node:test'
import { assertNothingIsMispaired, capturesOf } from '../../testing/losses.ts'
import type { Reply } from './reply.ts'
import type { Request } from './request.ts'

for (const { name, path } of capturesOf('postgresql'))
  test(`what is paired where packets of ${name} are lost is what belongs together`, () =>
    assertNothingIsMispaired(path, printed))

/** The text of a statement, other than of a Query, may have been lost. */
function printed({ command, query, portal }: Request, answered: Reply): string | undefined {
  const { type, commandTags, errorCode, transaction, rowCount, copyMessages, incomplete } = answered
  if (incomplete) return undefined
  const answer = [type, ...(commandTags ?? []), errorCode, transaction, rowCount, copyMessages]
  return `${command} ${command === 'Query' ? query : ''} ${portal} = ${answer.join(' ')}`
}
