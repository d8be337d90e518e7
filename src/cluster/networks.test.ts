import assert from 'node:assert/strict'
import { BlockList, isIPv6 } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { canonicalAddress, Networks, neighbourhoodOf } from './networks.ts'

describe('addresses of a cluster', () => {
  test('are compared in the form that entries have', () => {
    assert.equal(canonicalAddress('10.0.0.1'), '10.0.0.1')
    assert.equal(canonicalAddress('::ffff:10.0.0.1'), '10.0.0.1')
    assert.equal(canonicalAddress('::FFFF:a00:1'), '10.0.0.1')
    assert.equal(canonicalAddress('FD00:0:0::0001'), 'fd00::1')
    assert.equal(canonicalAddress('fd00:1:2:3:4:5:6:7'), 'fd00:1:2:3:4:5:6:7')
    for (const wrong of [
      '',
      'a',
      '10.0.0',
      '10.0.0.256',
      'fd00::1::2',
      'fd00:1',
      '1:2:3:4:5:6:7:8:9',
      'g::1',
    ])
      assert.equal(canonicalAddress(wrong), undefined, wrong)
  })

  test('have one form each, as the URL parser of Node has it', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const canonical = canonicalAddress(address)
        const theirs = new URL(`http://[${address}]/`).hostname.slice(1, -1)
        if (canonical?.includes('.') === true) assert.ok(theirs.startsWith('::ffff:'))
        else assert.equal(canonical, theirs)
      }),
    )
  })

  test('are in the networks in which Node finds them', () => {
    const cidr = fc.oneof(
      fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
      fc.tuple(fc.constantFrom('fd00::', 'fd00:1::', '2001:db8::8000'), fc.integer({ min: 0, max: 128 })),
    )
    fc.assert(
      fc.property(
        fc.array(cidr, { minLength: 1, maxLength: 6 }),
        fc.oneof(fc.ipV4(), fc.constantFrom('fd00::1', 'fd00:1::1', '2001:db8::8001')),
        (cidrs, ip) => {
          const isIn = ([net, bits]: readonly [string, number]) => {
            const list = new BlockList()
            list.addSubnet(net, bits, isIPv6(net) ? 'ipv6' : 'ipv4')
            return isIPv6(net) === isIPv6(ip) && list.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4')
          }
          const networks = new Networks(cidrs.map(([net, bits]) => `${net}/${bits}`))
          assert.equal(networks.has(ip), cidrs.some(isIn))
        },
      ),
    )
  })

  test('of a network that makes no sense nothing is believed', () => {
    for (const wrong of ['', '10.0.0.0', '10.0.0.0/33', '10.0.0.0/-1', 'x/8', '10.0.0.0/8x'])
      assert.equal(new Networks([wrong]).size, 0, wrong)
  })

  test('have neighbours', () => {
    assert.equal(neighbourhoodOf('10.1.2.3'), '10.1.2')
    assert.equal(neighbourhoodOf('fd00::1'), neighbourhoodOf('fd00::ffff:1'))
    assert.notEqual(neighbourhoodOf('fd00::1'), neighbourhoodOf('fd00:0:0:1::1'))
  })
})
