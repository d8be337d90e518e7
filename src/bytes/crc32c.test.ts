import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from './crc32c.ts'

test('CRC-32C of the text that everybody tests with', () => {
  const bytes = Buffer.from('123456789')
  assert.equal(crc32c(bytes, 0, bytes.length, bytes.length), 0xe3069283)
})

test('four bytes may count as 0', () => {
  const bytes = Buffer.from([1, 2, 9, 9, 9, 9, 3])
  const zeros = Buffer.from([1, 2, 0, 0, 0, 0, 3])
  assert.equal(crc32c(bytes, 0, 7, 2), crc32c(zeros, 0, 7, 7))
})
