import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addressText,
  aggregated,
  contains,
  covers,
  merged,
  networkText,
  readAddress,
  readNetwork,
} from './networks.ts'

const words = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 255 })))
const v4 = words.map((bytes) => bytes.join('.'))
const near = fc.integer({ min: 0, max: 40 }).map((last) => `10.0.0.${last}`)
const v6 = fc.ipV6()
const networks = fc.oneof(
  fc
    .tuple(fc.oneof(v4, near), fc.integer({ min: 20, max: 32 }))
    .map(([address, bits]) => `${address}/${bits}`),
  fc.tuple(v6, fc.integer({ min: 96, max: 128 })).map(([address, bits]) => `${address}/${bits}`),
)

test('what is an address to Node is one here, and reads back the same', () => {
  fc.assert(
    fc.property(fc.oneof(v4, v6, fc.string()), (text) => {
      const address = readAddress(text)
      if (isIP(text) === 0) return
      assert.notEqual(address, undefined)
      if (address !== undefined) assert.deepEqual(readAddress(addressText(address)), address)
    }),
  )
  for (const wrong of [
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
  ])
    assert.equal(readAddress(wrong), undefined, wrong)
  assert.deepEqual(readAddress('::ffff:10.0.0.1'), readAddress('10.0.0.1'))
})

test('merging keeps the addresses, and aggregating adds only as many as it takes', () => {
  const read = (texts: readonly string[]) => texts.flatMap((text) => readNetwork(text) ?? [])
  fc.assert(
    fc.property(fc.array(networks, { maxLength: 20 }), fc.oneof(near, v4, v6), (texts, probe) => {
      const all = read(texts)
      const address = readAddress(probe)
      if (address === undefined) return
      const few = merged(all)
      assert.equal(
        few.some((each) => contains(each, address)),
        all.some((each) => contains(each, address)),
      )
      for (const one of few)
        for (const other of few) if (one !== other) assert.equal(covers(one, other), false)
      const limited = aggregated(all, 2)
      assert.ok(limited.length <= 2)
      for (const each of all) assert.ok(limited.some((network) => covers(network, each)))
    }),
  )
  assert.deepEqual(merged(read(['10.0.0.1', '10.0.0.0', '10.0.0.0/8'])).map(networkText), ['10.0.0.0/8'])
})
