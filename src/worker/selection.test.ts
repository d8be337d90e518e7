import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Exchange } from '../entry/entry.ts'
import { ipv4Text } from '../packet/address.ts'
import { Packet, PROTOCOL } from '../packet/packet.ts'
import { POD_MARK, Selection } from './selection.ts'

type End = readonly [address: number, port: number]

function packet([src0, srcPort]: End, [dst0, dstPort]: End): Packet {
  return Object.assign(new Packet(), { ipVersion: 4, protocol: PROTOCOL.tcp, src0, srcPort, dst0, dstPort })
}

const end: fc.Arbitrary<End> = fc.tuple(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.integer({ min: 1, max: 65_535 }),
)

test('with nothing set all packets are taken', () => {
  const selection = new Selection()
  fc.assert(
    fc.property(end, end, (a, b) => {
      const each = packet(a, b)
      assert.deepEqual(
        [selection.isTargeted(each), selection.isOfOtherNode(each), selection.isSampledOut(each)],
        [true, false, false],
      )
    }),
  )
})

test('sampling leaves out both directions of a conversation or none, and more as the rate goes down', () => {
  fc.assert(
    fc.property(end, end, fc.double({ min: 0, max: 100, noNaN: true }), (a, b, sampleRate) => {
      const [one, other, less] = [new Selection(), new Selection(), new Selection()]
      one.set({ onlyTargeted: false, sampleRate })
      other.set({ onlyTargeted: false, sampleRate })
      less.set({ onlyTargeted: false, sampleRate: sampleRate / 2 })
      const isOut = one.isSampledOut(packet(a, b))
      assert.equal(isOut, one.isSampledOut(packet(b, a)))
      assert.equal(isOut, other.isSampledOut(packet(a, b)), 'on every node')
      if (isOut) assert.ok(less.isSampledOut(packet(a, b)))
    }),
  )
})

test('sampling takes about as many conversations as it is told to', () => {
  for (const sampleRate of [0, 1, 10, 50, 99, 100]) {
    const selection = new Selection()
    selection.set({ onlyTargeted: false, sampleRate })
    const all = Array.from({ length: 20_000 }, (_, at) =>
      packet([0x0a000001 + (at >> 8), 30_000 + at], [0x0a010001, 80]),
    )
    const percent = all.filter((each) => !selection.isSampledOut(each)).length / 200
    assert.ok(Math.abs(percent - sampleRate) < 2, `${sampleRate}: ${percent}`)
  }
})

test('a packet is taken when either of its ends is a pod that is targeted', () => {
  const selection = new Selection()
  selection.set({ onlyTargeted: true, sampleRate: 100 })
  const [a, b, c]: End[] = [
    [1, 1000],
    [2, 80],
    [3, 80],
  ]
  selection.mark([[ipv4Text(2), POD_MARK.targeted]])
  assert.deepEqual(
    [packet(a as End, b as End), packet(b as End, a as End), packet(a as End, c as End), new Packet()].map(
      (each) => selection.isTargeted(each),
    ),
    [true, true, false, false],
  )
  selection.mark([[ipv4Text(2), 0]])
  assert.equal(selection.isTargeted(packet(a as End, b as End)), false)
})

test('of a conversation between two nodes exactly one worker reads each packet, and the same one always', () => {
  fc.assert(
    fc.property(end, end, (a, b) => {
      fc.pre(a[0] !== b[0])
      const [one, other] = [new Selection(), new Selection()]
      const marks = (here: number, there: number) =>
        [
          [ipv4Text(here), POD_MARK.here],
          [ipv4Text(there), POD_MARK.elsewhere],
        ] as const
      one.mark(marks(a[0], b[0]))
      other.mark(marks(b[0], a[0]))
      const leaves = one.isOfOtherNode(packet(a, b))
      assert.equal(leaves, one.isOfOtherNode(packet(b, a)))
      assert.equal(other.isOfOtherNode(packet(a, b)), !leaves)
      assert.equal(other.isOfOtherNode(packet(b, a)), !leaves)
    }),
  )
})

test('what is seen on the way between two nodes is read by one worker, also where it is masqueraded', () => {
  const { here, elsewhere, node } = POD_MARK
  const [NODE_A, NODE_B, POD_A, POD_B] = [1, 2, 3, 4]
  const worker = (mine: readonly number[], others: readonly number[]) => {
    const selection = new Selection()
    const marks = (addresses: readonly number[], place: number) =>
      addresses.map((each) => [ipv4Text(each), each <= NODE_B ? place | node : place] as const)
    selection.mark([...marks(mine, here), ...marks(others, elsewhere)])
    return selection
  }
  const a = worker([NODE_A, POD_A], [NODE_B, POD_B])
  const b = worker([NODE_B, POD_B], [NODE_A, POD_A])
  const port = fc.integer({ min: 1, max: 65_535 })
  fc.assert(
    fc.property(
      fc.constantFrom(NODE_A, POD_A),
      fc.constantFrom(NODE_B, POD_B),
      ...([port, port, port] as const),
      (from, to, fromPort, toPort, masqueraded) => {
        const plain = packet([from, fromPort], [to, toPort])
        assert.notEqual(a.isOfOtherNode(plain), b.isOfOtherNode(plain))
        // Of that, the worker of the node that masquerades reads what was before, the other one sees what is after.
        const [before, after] = [
          packet([POD_A, fromPort], [to, toPort]),
          packet([NODE_A, masqueraded], [to, toPort]),
        ]
        assert.ok(!a.isOfOtherNode(before) || !b.isOfOtherNode(after))
        if (to === NODE_B) assert.equal(a.isOfOtherNode(before), false, 'the pod is named')
      },
    ),
  )
})

test('what has one end on a node with a worker is read here, what has both is not', () => {
  const selection = new Selection()
  selection.mark([
    [ipv4Text(1), POD_MARK.elsewhere],
    [ipv4Text(2), POD_MARK.elsewhere],
  ])
  assert.equal(selection.isOfOtherNode(packet([1, 1], [3, 80])), false)
  assert.equal(selection.isOfOtherNode(packet([1, 1], [2, 80])), true)
})

test('an entry is of the node that its packets are of', () => {
  const ends = [end, end] as const
  fc.assert(
    fc.property(
      ...ends,
      fc.boolean(),
      fc.constantFrom('tcp', 'udp'),
      ([a, aPort], [b, bPort], isHere, layer4) => {
        fc.pre(a !== b)
        const selection = new Selection()
        const [client, server] = [ipv4Text(a), ipv4Text(b)]
        selection.mark([
          [client, isHere ? POD_MARK.here : POD_MARK.elsewhere],
          [server, isHere ? POD_MARK.elsewhere : POD_MARK.here],
        ])
        const asPacket = Object.assign(packet([a, aPort], [b, bPort]), { protocol: PROTOCOL[layer4] })
        const entry = {
          stream: { client: { ip: client, port: `${aPort}` }, server: { ip: server, port: `${bPort}` } },
          ...{ dissector: { protocols: [{ layer4 }] }, variant: 0 },
        } as unknown as Exchange
        assert.equal(selection.isEntryOfOtherNode(entry), selection.isOfOtherNode(asPacket))
      },
    ),
  )
})
