import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { feed } from '../../testing/feed.ts'
import { icmp4, icmp6 } from './dissector.ts'

type Icmp = typeof icmp4
type Message = Exclude<Parameters<Icmp['summarize']>[0], null>

function read(dissector: Icmp, hex: string) {
  const { messages } = feed(dissector, [['client', Buffer.from(hex.replaceAll(' ', ''), 'hex')]])
  return { id: messages[0]?.id, message: messages[0]?.message as Message }
}

describe('pairing', () => {
  test('by identifier and sequence number', () => {
    const { id, message } = read(icmp4, '08 00 0000 1234 0102')
    assert.equal(read(icmp4, '00 00 ffff 1234 0102').id, id)
    assert.notEqual(read(icmp4, '00 00 ffff 1234 0103').id, id)
    assert.deepEqual([message.id, message.sequence], [0x1234, 0x0102])
  })

  test('of the extended echo, whose sequence number is one byte', () => {
    for (const [dissector, request, reply] of [
      [icmp4, '2a', '2b'],
      [icmp6, 'a0', 'a1'],
    ] as const) {
      const { id, message } = read(dissector, `${request} 00 0000 1234 07 01`)
      assert.equal(read(dissector, `${reply} 00 0000 1234 07 2c`).id, id)
      assert.equal(message.sequence, 7)
    }
  })

  test('of node information by its nonce', () => {
    const { id, message } = read(icmp6, '8b 00 0000 0002 0000 0102030405060708')
    assert.equal(read(icmp6, '8c 00 0000 0002 ffff 0102030405060708').id, id)
    assert.deepEqual([message.id, message.sequence], [0, 0])
  })

  test('not of what is cut short', () => {
    assert.equal(read(icmp4, '08 00 0000').id, undefined)
    assert.equal(read(icmp6, '8b 00 0000 0002 0000').id, undefined)
  })
})

describe('redirects', () => {
  test('show the better router', () => {
    assert.equal(read(icmp4, '05 01 0000 0a4d0009').message.gateway, '10.77.0.9')
    const target = 'fe80 0000 0000 0000 0000 0000 0000 0009'
    assert.equal(read(icmp6, `89 00 0000 00000000 ${target} ${target}`).message.gateway, 'fe80::9')
  })
})

describe('the quoted packet', () => {
  const addresses4 = 'c0000205 c0000206'
  const addresses6 = '20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002'
  const quoted = (dissector: Icmp, hex: string) => read(dissector, hex).message.quoted

  test('has ports', () => {
    assert.deepEqual(
      quoted(icmp4, `03 03 0000 00000000 45000020 00000000 40110000 ${addresses4} 0005 0006`),
      {
        protocol: 17,
        src: '192.0.2.5',
        dst: '192.0.2.6',
        srcPort: 5,
        dstPort: 6,
      },
    )
  })

  test('has none when it is a later fragment', () => {
    const later = quoted(icmp4, `0b 01 0000 00000000 45000020 00000064 40110000 ${addresses4} 0005 0006`)
    assert.deepEqual([later?.srcPort, later?.dstPort], [0, 0])
  })

  test('is read past the extension headers of IPv6', () => {
    const head = `01 04 0000 00000000 60000000 0010 2c 40 ${addresses6}`
    const first = quoted(icmp6, `${head} 11 00 0001 00000000 0005 0006`)
    assert.deepEqual([first?.protocol, first?.srcPort, first?.dstPort], [17, 5, 6])
    const later = quoted(icmp6, `${head} 11 00 0009 00000000 0005 0006`)
    assert.deepEqual([later?.protocol, later?.srcPort, later?.dstPort], [17, 0, 0])
  })
})

test('the row selects the message where it is', () => {
  const { message } = read(icmp4, '00 00 0000 1234 0102')
  assert.equal(icmp4.summarize(null, message).summaryQuery, 'response.typeCode == "EchoReply"')
  assert.equal(icmp4.summarize(message, null).summaryQuery, 'request.typeCode == "EchoReply"')
})
