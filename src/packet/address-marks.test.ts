import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressText, addressWords } from './address.ts'
import { AddressMarks } from './address-marks.ts'
import { Packet } from './packet.ts'

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })

test('an address is read as it is written', () => {
  fc.assert(
    fc.property(fc.constantFrom(4, 6), word, word, word, word, (version, a, b, c, d) => {
      const words = version === 4 ? ([a, 0, 0, 0] as const) : ([a, b, c, d] as const)
      assert.deepEqual(addressWords(addressText(version, ...words)), [...words])
    }),
  )
  assert.deepEqual(addressWords('::'), [0, 0, 0, 0])
  assert.deepEqual(addressWords('::ffff:10.0.0.1'), [0, 0, 0xffff, 0x0a000001])
  for (const none of [
    '',
    'a',
    '1.2.3',
    '1.2.3.256',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '::x',
  ])
    assert.equal(addressWords(none), undefined, none)
})

test('marks are found by either end, and can be taken away', () => {
  const marks = new AddressMarks()
  const packet = new Packet()
  packet.ipVersion = 6
  Object.assign(packet, { src0: 1, src1: 2, src2: 3, src3: 4, dst0: 9, dst1: 2, dst2: 3, dst3: 4 })
  marks.set('0:1:0:2:0:3:0:4', 5)
  marks.set('0:9:0:2:0:3:0:4', 6)
  assert.deepEqual([marks.ofSource(packet), marks.ofDestination(packet)], [5, 6])
  marks.set('0:1:0:2:0:3:0:4', 0)
  assert.deepEqual([marks.ofSource(packet), marks.ofDestination(packet)], [0, 6])
  marks.set('no address', 1)
  Object.assign(packet, { ipVersion: 4, src0: 0x0a000001 })
  marks.set('10.0.0.1', 3)
  assert.equal(marks.ofSource(packet), 3)
  marks.clear()
  assert.equal(marks.ofSource(packet), 0)
})
