import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Duplicates } from './duplicates.ts'
import { FLAG, Packet, PROTOCOL } from './packet.ts'

interface Sight {
  readonly from: string
  readonly to: string
  readonly on: number
  readonly atMs?: number
  readonly seq?: number
  readonly text?: string
  readonly ttl?: number
  readonly ipId?: number
  readonly protocol?: number
  readonly flags?: number
}

function packet({
  from,
  to,
  on,
  atMs = 1000,
  seq = 1,
  text = '',
  ttl = 64,
  ipId = 7,
  protocol = PROTOCOL.tcp,
  flags = FLAG.ack,
}: Sight) {
  const made = new Packet()
  const [src = '', srcPort] = from.split(':')
  const [dst = '', dstPort] = to.split(':')
  const bytes = Buffer.from(text)
  return Object.assign(made, {
    ...{ ipVersion: 4, protocol, ipId, ttl, seq, flags, systemInterface: on },
    ...{ src0: Number(src), dst0: Number(dst), srcPort: Number(srcPort), dstPort: Number(dstPort) },
    ...{ seconds: Math.floor(atMs / 1000), nanos: (atMs % 1000) * 1e6 },
    ...{ bytes, payloadEnd: bytes.length, payloadLength: bytes.length },
  })
}

/** The same number for both directions. */
function conversationOf({ src0, srcPort, dst0, dstPort }: Packet): number {
  const [a, b] = [src0 * 65_536 + srcPort, dst0 * 65_536 + dstPort].sort((x, y) => x - y) as [number, number]
  return a * 1_000_003 + b
}

function watch(hasEntries: (conversation: number) => boolean = () => false) {
  const forgotten: number[] = []
  const duplicates = new Duplicates({
    timeframeMs: 200,
    conversationOf,
    forget: (conversation) => {
      if (hasEntries(conversation)) return false
      forgotten.push(conversation)
      return true
    },
  })
  return { forgotten, isCopy: (sight: Sight) => duplicates.isCopy(packet(sight)), duplicates }
}

test('on one interface nothing is a copy, however often it comes', () => {
  const sight = fc.record({
    seq: fc.nat(3),
    atMs: fc.nat(500),
    text: fc.constantFrom('', 'a', 'b'),
    ipId: fc.nat(2),
  })
  fc.assert(
    fc.property(fc.array(sight, { maxLength: 60 }), (sights) => {
      const { isCopy } = watch()
      for (const each of sights) assert.equal(isCopy({ from: '1:4000', to: '2:80', on: 3, ...each }), false)
    }),
  )
})

test('of a packet as many go through as were seen on the interface where it was seen most', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 80 }), (interfaces) => {
      const { isCopy } = watch()
      const seen = new Map<number, number>()
      let passed = 0
      for (const on of interfaces) {
        seen.set(on, (seen.get(on) ?? 0) + 1)
        if (!isCopy({ from: '1:4000', to: '2:80', on, text: 'GET /' })) passed++
        assert.equal(passed, Math.max(...seen.values()))
      }
    }),
  )
})

test('what is sent again under another number of IP, or later, is no copy', () => {
  const { isCopy } = watch()
  const sight = { from: '1:4000', to: '2:80', text: 'GET /' }
  assert.equal(isCopy({ ...sight, on: 1 }), false)
  assert.equal(isCopy({ ...sight, on: 2 }), true)
  assert.equal(isCopy({ ...sight, on: 2, ipId: 8 }), false)
  assert.equal(isCopy({ ...sight, on: 3, atMs: 1300 }), false)
  assert.equal(isCopy({ ...sight, on: 4, seq: 2 }), false)
})

test('the same datagram sent again and again goes through each time, once', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 199 }), fc.integer({ min: 0, max: 9 }), (everyMs, behindMs) => {
      const { isCopy } = watch()
      const datagram = { from: '1:4000', to: '2:8125', protocol: PROTOCOL.udp, ipId: 0, text: 'hits:1|c' }
      const sights = Array.from({ length: 50 }, (_, nth) => [
        { ...datagram, on: 1, atMs: 1000 + nth * everyMs },
        { ...datagram, on: 2, atMs: 1000 + nth * everyMs + behindMs },
      ])
      const inOrder = sights.flat().sort((a, b) => a.atMs - b.atMs)
      assert.equal(inOrder.filter((sight) => !isCopy(sight)).length, 50)
    }),
  )
})

test('both directions of one interface are two', () => {
  const { duplicates } = watch()
  const arriving = packet({ from: '1:4000', to: '2:80', on: 1 })
  const leaving = Object.assign(packet({ from: '1:4000', to: '2:80', on: 1 }), { outgoing: true })
  assert.deepEqual([duplicates.isCopy(arriving), duplicates.isCopy(leaving)], [false, true])
})

const VIP = '9:80'
const POD = '2:8080'
const CLIENT = '1:4000'

test('of a connection through a service address, the one with the address of the pod stays', () => {
  const { isCopy, forgotten } = watch()
  assert.equal(isCopy({ from: CLIENT, to: VIP, on: 1, ttl: 64 }), false)
  assert.equal(isCopy({ from: CLIENT, to: POD, on: 2, ttl: 63 }), false)
  assert.deepEqual(forgotten, [conversationOf(packet({ from: CLIENT, to: VIP, on: 1 }))])
  assert.equal(isCopy({ from: POD, to: CLIENT, on: 2, ttl: 64, seq: 5 }), false)
  assert.equal(isCopy({ from: VIP, to: CLIENT, on: 1, ttl: 63, seq: 5 }), true)
  assert.equal(isCopy({ from: CLIENT, to: VIP, on: 1, ttl: 64, seq: 2 }), true)
  assert.equal(isCopy({ from: CLIENT, to: POD, on: 2, ttl: 63, seq: 2 }), false)
  assert.equal(
    isCopy({ from: CLIENT, to: POD, on: 3, ttl: 63, seq: 2 }),
    true,
    'a copy with the same addresses',
  )
})

test('it does not matter which was handed over first, or that it begins in the middle with a reply', () => {
  const late = watch()
  assert.equal(late.isCopy({ from: CLIENT, to: POD, on: 2, ttl: 63, atMs: 1001 }), false)
  assert.equal(late.isCopy({ from: CLIENT, to: VIP, on: 1, ttl: 64, atMs: 1000 }), true)
  const reply = watch()
  assert.equal(reply.isCopy({ from: POD, to: CLIENT, on: 2, ttl: 64, text: 'HTTP/1.1 200' }), false)
  assert.equal(reply.isCopy({ from: VIP, to: CLIENT, on: 1, ttl: 63, text: 'HTTP/1.1 200' }), true)
  assert.equal(reply.isCopy({ from: CLIENT, to: VIP, on: 1, seq: 9 }), true)
})

test('behind masquerading it is the address before that stays', () => {
  const { isCopy } = watch()
  const [node, outside] = ['7:50000', '8:443']
  assert.equal(isCopy({ from: CLIENT, to: outside, on: 1, ttl: 64 }), false)
  assert.equal(isCopy({ from: node, to: outside, on: 2, ttl: 63 }), true)
  assert.equal(isCopy({ from: outside, to: node, on: 2, ttl: 50, seq: 3 }), true)
  assert.equal(isCopy({ from: outside, to: CLIENT, on: 1, ttl: 49, seq: 3 }), false)
})

test('where both ends are translated, the one before stays: at a port of a node, and of a pod that reaches itself', () => {
  for (const [before, after] of [
    [
      { from: CLIENT, to: '7:30080' },
      { from: '7:50000', to: POD },
    ],
    [
      { from: '2:40000', to: VIP },
      { from: '7:40000', to: POD },
    ],
  ] as const) {
    const both = watch()
    assert.equal(both.isCopy({ ...before, on: 1, ttl: 64 }), false)
    assert.equal(both.isCopy({ ...after, on: 2, ttl: 63 }), true)
    assert.equal(both.isCopy({ from: after.to, to: after.from, on: 2, ttl: 64, seq: 5 }), true)
    assert.equal(both.isCopy({ from: before.to, to: before.from, on: 1, ttl: 63, seq: 5 }), false)
    const late = watch()
    assert.equal(late.isCopy({ ...after, on: 2, ttl: 63 }), false)
    assert.equal(late.isCopy({ ...before, on: 1, ttl: 64 }), false)
    assert.deepEqual(late.forgotten, [conversationOf(packet({ ...after, on: 2 }))])
    const datagrams = watch()
    assert.equal(datagrams.isCopy({ ...before, on: 1, ttl: 64, protocol: PROTOCOL.udp }), false)
    assert.equal(
      datagrams.isCopy({ ...after, on: 2, ttl: 63, protocol: PROTOCOL.udp }),
      false,
      'nothing tells them apart',
    )
  }
})

test('ports that are used again for another connection to the service, which another pod answers, are followed anew', () => {
  const { isCopy, forgotten } = watch()
  const syn = { flags: FLAG.syn }
  const vip = conversationOf(packet({ from: CLIENT, to: VIP, on: 1 }))
  for (const [nth, pod] of [POD, '3:8080', POD].entries()) {
    const seq = nth * 100
    assert.equal(isCopy({ from: CLIENT, to: VIP, on: 1, ttl: 64, seq, ...syn }), false, 'it may go elsewhere')
    assert.equal(isCopy({ from: CLIENT, to: pod, on: 2, ttl: 63, seq, ...syn }), false)
    assert.deepEqual(forgotten.splice(0), [vip])
    for (let at = 1; at < 90; at++) {
      assert.equal(isCopy({ from: CLIENT, to: VIP, on: 1, ttl: 64, seq: seq + at }), true)
      assert.equal(isCopy({ from: CLIENT, to: pod, on: 2, ttl: 63, seq: seq + at }), false)
    }
  }
})

test('a conversation that has entries already stays, whatever its addresses', () => {
  const vip = conversationOf(packet({ from: CLIENT, to: VIP, on: 1 }))
  const { isCopy } = watch((conversation) => conversation === vip)
  assert.equal(isCopy({ from: CLIENT, to: VIP, on: 1, ttl: 64 }), false)
  assert.equal(isCopy({ from: CLIENT, to: POD, on: 2, ttl: 63 }), true)
  assert.equal(isCopy({ from: CLIENT, to: VIP, on: 1, ttl: 64, seq: 2 }), false)
})

test('when only the copy is seen any more, it is read again', () => {
  const { isCopy } = watch()
  isCopy({ from: CLIENT, to: VIP, on: 1, ttl: 64 })
  isCopy({ from: CLIENT, to: POD, on: 2, ttl: 63 })
  const copies = Array.from({ length: 300 }, (_, seq) =>
    isCopy({ from: CLIENT, to: VIP, on: 1, seq: seq + 10 }),
  )
  assert.equal(copies.filter(Boolean).length, 256)
  assert.equal(copies.at(-1), false)
})

test('datagrams without a reply, each an entry at once, are one each also through a service address', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 30 }), fc.boolean(), (isAfterFirst, isAlike) => {
      const entries = new Set<number>()
      const { isCopy } = watch((conversation) => entries.has(conversation))
      const passed = isAfterFirst.flatMap((swap, nth) => {
        const told = {
          protocol: PROTOCOL.udp,
          ipId: 0,
          text: isAlike ? 'hits:1|c' : `at:${nth}|g`,
          from: CLIENT,
        }
        const before = { ...told, to: '9:8125', on: 1, ttl: 64, atMs: 1000 + nth * 50 }
        const after = { ...told, to: '2:8125', on: 2, ttl: 63, atMs: 1000 + nth * 50 }
        return (swap ? [after, before] : [before, after]).filter((sight) => {
          if (isCopy(sight)) return false
          entries.add(conversationOf(packet(sight)))
          return true
        })
      })
      assert.equal(passed.length, isAfterFirst.length)
    }),
  )
})

test('the same datagram to two servers is two, also by two interfaces', () => {
  const { isCopy } = watch()
  const query = { from: CLIENT, protocol: PROTOCOL.udp, ipId: 0, text: 'example.org' }
  assert.equal(isCopy({ ...query, to: '9:53', on: 1 }), false)
  assert.equal(isCopy({ ...query, to: '10:53', on: 1 }), false)
  assert.equal(
    isCopy({ ...query, to: '11:53', on: 2 }),
    false,
    'nothing has passed it on: its time to live is whole',
  )
  const passedOn = [
    isCopy({ ...query, to: '20:53', on: 3, ttl: 63 }),
    isCopy({ ...query, to: '21:53', on: 3, ttl: 63 }),
  ]
  assert.deepEqual(passedOn, [false, false])
  assert.equal(isCopy({ ...query, to: '9:53', on: 1, text: 'example.net' }), true)
  assert.equal(isCopy({ ...query, to: '10:53', on: 1, text: 'example.net' }), true)
})

test('what goes to all on a network is not taken for translated', () => {
  const { isCopy } = watch()
  const all = `${0xe00000fb | 0}:5353`
  const told = { protocol: PROTOCOL.udp, to: all, text: 'here I am' }
  assert.equal(isCopy({ ...told, from: '1:5353', on: 1, ttl: 255 }), false)
  assert.equal(isCopy({ ...told, from: '2:5353', on: 2, ttl: 254 }), false)
})
