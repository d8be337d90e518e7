import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Dissector } from '../../dissect/dissector.ts'
import type { Packet } from '../../packet/packet.ts'
import { exchangesIn, packetsOf, type Sent } from '../../testing/tcp-packets.ts'
import { mysql } from './dissector.ts'
import {
  bytes,
  column,
  command,
  eof,
  execute,
  frame,
  greeting,
  lenenc,
  login,
  ok,
  packets,
  prepared,
  query,
  resultSet,
  session,
} from './test-packets.ts'

interface Said {
  readonly command?: string
  readonly query?: string
  readonly affectedRows?: number
  readonly rowCount?: number
}

/** `select 1=3` answered with 3 rows or a change of 3; `?=3` without a request, `select 1=?` without a reply. */
function seen(packets: readonly Packet[]): string[] {
  return exchangesIn(packets, [mysql as unknown as Dissector]).map(({ request, response }) => {
    const { query, command } = (request ?? {}) as Said
    const { affectedRows = 0, rowCount = 0 } = (response ?? {}) as Said
    return `${query || command || '?'}=${response === null ? '?' : affectedRows + rowCount}`
  })
}

const asks = (at: number): Sent => ['client', query(`select ${at}`)]
const says = (count: number): Sent => ['server', packets(1, ok({ affected: count }))]
/** Query and reply, the number of which tells which it is. */
const turns = (...numbers: readonly number[]): Sent[] => numbers.flatMap((at) => [asks(at), says(at)])
const whole = (...numbers: readonly number[]) => numbers.map((at) => `select ${at}=${at}`)
/** Without the packet that carries `sent[at]`. */
const without = (sent: readonly Sent[], at: number) => seen(packetsOf(sent).toSpliced(at + 2, 1))

describe('replies of MySQL answer their queries', () => {
  const sent = [...session(), ...turns(1, 2, 3, 4)]

  test('when nothing is lost', () => {
    assert.deepEqual(seen(packetsOf(sent)), ['Login=0', ...whole(1, 2, 3, 4)])
  })

  test('whatever packet is lost', () => {
    assert.deepEqual(without(sent, 0), ['Login=0', ...whole(1, 2, 3, 4)])
    assert.deepEqual(without(sent, 1), ['?=0', ...whole(1, 2, 3, 4)])
    assert.deepEqual(without(sent, 2), ['Login=0', ...whole(1, 2, 3, 4)])
    assert.deepEqual(without(sent, 3), ['Login=0', '?=1', ...whole(2, 3, 4)])
    assert.deepEqual(without(sent, 4), ['Login=0', 'select 1=?', ...whole(2, 3, 4)])
    assert.deepEqual(without(sent, 5), ['Login=0', ...whole(1), '?=2', ...whole(3, 4)])
    assert.deepEqual(without(sent, 6), ['Login=0', ...whole(1), 'select 2=?', ...whole(3, 4)])
  })

  test('where the capture begins midway', () => {
    const midway = packetsOf(sent).slice(2)
    assert.deepEqual(seen(midway.slice(3)), whole(1, 2, 3, 4))
    assert.deepEqual(seen(midway.slice(4)), ['?=1', ...whole(2, 3, 4)])
    assert.deepEqual(seen(midway.slice(5)), whole(2, 3, 4))
    const quiet = packetsOf([...session(), ['client', command(14)], says(0), ...turns(2)]).slice(2)
    assert.deepEqual(seen(quiet.slice(3)), ['COM_PING=0', ...whole(2)])
    assert.deepEqual(seen(quiet.slice(3).toSpliced(1, 1)), ['COM_PING=?', ...whole(2)])
  })

  test('when both sides lost something in between', () => {
    const both = packetsOf(sent).toSpliced(6, 2)
    assert.deepEqual(seen(both), ['Login=0', 'select 1=?', '?=2', ...whole(3, 4)])
  })

  test('when several are sent ahead', () => {
    const ahead: Sent[] = [...session(), asks(1), asks(2), asks(3), says(1), says(2), says(3), ...turns(4)]
    assert.deepEqual(seen(packetsOf(ahead)), ['Login=0', ...whole(1, 2, 3, 4)])
    // Which replies were lost is not known.
    assert.deepEqual(without(ahead, 7), [
      'Login=0',
      ...whole(1),
      'select 2=?',
      'select 3=?',
      '?=3',
      ...whole(4),
    ])
  })

  test('when the client does not wait for the answer to its login', () => {
    const [hello, answer, welcome] = session() as [Sent, Sent, Sent]
    const hasty: Sent[] = [hello, answer, asks(1), asks(2), welcome, says(1), says(2), ...turns(3)]
    assert.deepEqual(seen(packetsOf(hasty)), ['Login=0', ...whole(1, 2, 3)])
  })

  test('in frames', () => {
    const framed = turns(1, 2, 3, 4).map(
      ([side, content]): Sent => [side, frame(side === 'client' ? 0 : 1, content as Uint8Array, 'zlib')],
    )
    const all = [...session({ capabilities: 0x0008a2ad }), ...framed]
    assert.deepEqual(seen(packetsOf(all)), ['Login=0', ...whole(1, 2, 3, 4)])
    assert.deepEqual(without(all, 4), ['Login=0', 'select 1=?', ...whole(2, 3, 4)])
    assert.deepEqual(seen(packetsOf(all).slice(5)), whole(1, 2, 3, 4))
  })
})

test('a result goes on behind a hole that is inside of a row', () => {
  const rows = [
    ...resultSet(['a'], []).slice(0, -1),
    bytes(lenenc('x'.repeat(9000))),
    bytes(lenenc('y')),
    eof(),
  ]
  const reply = packets(1, ...rows)
  const pieces = [0, 2000, 4000, 8000].map(
    (at, index, all): Sent => ['server', reply.subarray(at, all[index + 1] ?? reply.length)],
  )
  const sent = [...session(), asks(1), ...pieces, ...turns(2)]
  assert.deepEqual(without(sent, 5), ['Login=0', 'select 1=2', ...whole(2)])
  // With the head of a row it is lost what is a row.
  assert.deepEqual(without(sent, 4), ['Login=0', 'select 1=?', ...whole(2)])
})

test('what was prepared and not seen has no text, and not that of another', () => {
  const prepare = (text: string, id: number): Sent[] => [
    ['client', command(22, text)],
    ['server', packets(1, ...prepared(id, 1, [column('a')]))],
  ]
  const run = (id: number): Sent[] => [['client', execute(id, [[253, lenenc('x')]])], says(1)]
  const sent = [
    ...session(),
    ...prepare('first', 1),
    ...run(1),
    ...prepare('second', 2),
    ...run(2),
    ...run(0xffffffff),
  ]
  const parts = ['first=0', 'first=1', 'second=0', 'second=1', 'second=1']
  assert.deepEqual(seen(packetsOf(sent)), ['Login=0', ...parts])
  assert.deepEqual(without(sent, 7), [
    'Login=0',
    'first=0',
    'first=1',
    '?=0',
    'COM_STMT_EXECUTE=1',
    'COM_STMT_EXECUTE=1',
  ])
  assert.deepEqual(without(sent, 8), [
    'Login=0',
    'first=0',
    'first=1',
    'second=?',
    'COM_STMT_EXECUTE=1',
    'second=1',
  ])
})

test('a greeting whose answer was lost is no login of somebody else', () => {
  const sent: Sent[] = [
    ['server', greeting()],
    ['client', login()],
    ['server', packets(2, ok())],
    ...turns(1),
  ]
  assert.deepEqual(seen(packetsOf(sent).toSpliced(3, 2)), ['?=0', ...whole(1)])
})
