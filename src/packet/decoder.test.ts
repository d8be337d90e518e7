import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { openCapture } from '../capture/index.ts'
import { Mistake } from '../mistake/mistake.ts'
import { corpusOrSkip } from '../testing/corpus.ts'
import { addressText, ipv6Text } from './address.ts'
import type { PacketBatch } from './batch.ts'
import { Decoder } from './decoder.ts'
import { PROTOCOL } from './packet.ts'

/** A batch of one packet. */
function one(bytes: Uint8Array, linkType = 1, length = bytes.length): PacketBatch {
  return {
    bytes,
    count: 1,
    offsets: Uint32Array.of(0),
    captured: Uint32Array.of(bytes.length),
    lengths: Uint32Array.of(length),
    seconds: Float64Array.of(1),
    nanos: Uint32Array.of(2),
    interfaceIds: Uint16Array.of(0),
    interfaces: [{ name: 'eth0', linkType, snapLength: 0 }],
  }
}

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'))
const ETHERNET = '020000000001 020000000002 0800'
const UDP = '1389 0035 000c 0000 61626364'
const IP = (protocol: string, payload: string, fragment = '0000', id = '0001') =>
  `45 00 ${(20 + payload.replace(/\s/g, '').length / 2).toString(16).padStart(4, '0')} ${id} ${fragment} 40 ${protocol} 0000 0a000001 0a000002 ${payload}`

function decode(text: string, linkType = 1) {
  const decoder = new Decoder()
  const ok = decoder.decode(one(hex(text), linkType), 0)
  const { packet, counters } = decoder
  const payload = Buffer.from(packet.bytes.subarray(packet.payloadStart, packet.payloadEnd)).toString(
    'latin1',
  )
  const src = addressText(packet.ipVersion, packet.src0, packet.src1, packet.src2, packet.src3)
  return { ok, packet, counters, payload, src }
}

describe('the decoder', () => {
  test('reads Ethernet, VLANs, IPv4 and UDP', () => {
    const { ok, packet, payload, src } = decode(ETHERNET + IP('11', UDP))
    assert.deepEqual(
      [ok, src, packet.srcPort, packet.dstPort, payload, packet.vlan],
      [true, '10.0.0.1', 5001, 53, 'abcd', -1],
    )
    const tagged = decode(`020000000001 020000000002 88a8 0064 8100 0065 0800 ${IP('11', UDP)}`)
    assert.deepEqual([tagged.packet.vlan, tagged.payload], [100, 'abcd'])
  })

  test('reads SCTP, also within UDP', () => {
    const chunk = '0003 0011 00000001 0000 0000 00000000 61000000'
    const sctp = `1388 0f1c 00000007 00000000 ${chunk}`
    const udp = `26ab 1f90 002a 0000 ${sctp}`
    for (const [protocol, payload] of [
      ['84', sctp],
      ['11', udp],
    ] as const) {
      const { ok, packet } = decode(ETHERNET + IP(protocol, payload))
      assert.deepEqual(
        [ok, packet.protocol, packet.srcPort, packet.dstPort, packet.payloadLength],
        [true, PROTOCOL.sctp, 5000, 3868, 20],
      )
    }
    // An INIT has the tag 0: this is something else.
    const other = udp.replace('0003 0011', '0100 0011')
    assert.equal(decode(ETHERNET + IP('11', other)).packet.protocol, PROTOCOL.udp)
  })

  test('reads the other link layers', () => {
    const headers: readonly (readonly [number, string])[] = [
      [0, '02000000'],
      [108, '00000002'],
      [101, ''],
      [113, '0000 0001 0006 020000000001 0000 0800'],
      [276, '0800 0000 00000001 0001 00 06 0200000000010000'],
      [9, 'ff03 0021'],
    ]
    for (const [linkType, header] of headers)
      assert.equal(decode(header + IP('11', UDP), linkType).payload, 'abcd', `link type ${linkType}`)
  })

  test('cuts off padding, and knows what the capture cut off', () => {
    assert.equal(decode(`${ETHERNET}${IP('11', UDP)}000000000000`).payload, 'abcd')
    const cut = decode((ETHERNET + IP('11', UDP)).replace(/\s/g, '').slice(0, -4))
    assert.deepEqual([cut.payload, cut.packet.payloadLength], ['ab', 4])
  })

  test('unwraps tunnels to the innermost headers', () => {
    const inner = IP('11', UDP)
    const ethernet = ETHERNET + inner
    const udpTo = (port: string, content: string) =>
      `1389 ${port} ${(8 + content.replace(/\s/g, '').length / 2).toString(16).padStart(4, '0')} 0000 ${content}`
    for (const [name, outer] of Object.entries({
      gre: IP('2f', `0000 0800 ${inner}`),
      'gre bridging': IP('2f', `2000 6558 00000001 ${ethernet}`),
      ipip: IP('04', inner),
      vxlan: IP('11', udpTo('12b5', `08000000 00000100 ${ethernet}`)),
      geneve: IP('11', udpTo('17c1', `0100 6558 00000100 00000000 ${ethernet}`)),
      gtp: IP('11', udpTo('0868', `30ff 0020 00000001 ${inner}`)),
    })) {
      const { payload, packet } = decode(ETHERNET + outer)
      assert.deepEqual([payload, packet.dstPort], ['abcd', 53], name)
    }
  })

  test('puts fragments together in any order', () => {
    const udp = hex(`1389 0035 0020 0000 ${'61'.repeat(24)}`)
    const text = Buffer.from(udp).toString('hex')
    const pieces = [
      IP('11', text.slice(0, 32), '2000'),
      IP('11', text.slice(32, 48), '2002'),
      IP('11', text.slice(48), '0003'),
    ]
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
      [1, 1, 0, 2],
    ]) {
      const decoder = new Decoder()
      const results = order.map((at) => decoder.decode(one(hex(ETHERNET + pieces[at])), 0))
      assert.deepEqual(results.filter(Boolean).length, 1, order.join())
      assert.equal(decoder.packet.payloadEnd - decoder.packet.payloadStart, 24)
      assert.equal(decoder.counters.fragments.reassembled, 1)
    }
  })

  test('verifies checksums only when asked', () => {
    const bytes = hex(ETHERNET + IP('11', UDP))
    const decoder = new Decoder({ verifyChecksums: true })
    assert.equal(decoder.decode(one(bytes), 0), false)
    assert.deepEqual(decoder.counters.malformed, { 'bad-checksum': 1 })
    const right = hex(ETHERNET + IP('11', UDP).replace('40 11 0000', '40 11 66ca'))
    assert.equal(new Decoder({ verifyChecksums: true }).decode(one(right), 0), true)
  })

  test('verifies the checksums of IPv6, also behind extension headers', () => {
    const ip6 = (checksum: string, extension = '') => {
      const length = (12 + extension.length / 2).toString(16).padStart(4, '0')
      const next = extension === '' ? '11' : '3c'
      return hex(
        `020000000001 020000000002 86dd 60000000 ${length} ${next} 40 20010db8000000000000000000000001 20010db8000000000000000000000002 ${extension} 1389 0035 000c ${checksum} 61626364`,
      )
    }
    const accepts = (bytes: Uint8Array) => new Decoder({ verifyChecksums: true }).decode(one(bytes), 0)
    const destinationOptions = '1100010400000000'
    assert.equal(accepts(ip6('cbdc')), true)
    assert.equal(accepts(ip6('cbdc', destinationOptions)), true)
    assert.equal(accepts(ip6('1234')), false)
    assert.equal(accepts(ip6('1234', destinationOptions)), false)
    assert.equal(accepts(ip6('0000')), true, 'UDP may go without')
  })

  test('reads on behind an authentication header', () => {
    const header = (next: string) => `${next} 04 0000 00000001 00000001 000000000000000000000000`
    const { payload, packet } = decode(ETHERNET + IP('33', header('11') + UDP))
    assert.deepEqual([payload, packet.protocol, packet.dstPort], ['abcd', 17, 53])
    assert.equal(decode(ETHERNET + IP('33', `${header('33')}${header('11')}${UDP}`)).payload, 'abcd')
    assert.deepEqual(decode(ETHERNET + IP('33', '11 ff 0000 00000001 00000001')).counters.malformed, {
      'transport-header': 1,
    })
  })

  test('answers any bytes without throwing, and counts each packet once', () => {
    const linkTypes = fc.constantFrom(0, 1, 9, 12, 50, 101, 108, 113, 228, 229, 239, 276, 999)
    const start = fc.constantFrom(
      '',
      ETHERNET,
      `${ETHERNET}45`,
      '020000000001020000000002 86dd 60000000',
      `${ETHERNET}${IP('2f', '')}`,
    )
    fc.assert(
      fc.property(linkTypes, start, fc.uint8Array({ maxLength: 200 }), (linkType, prefix, bytes) => {
        const decoder = new Decoder({ verifyChecksums: true })
        const packet = new Uint8Array(Buffer.concat([hex(prefix), bytes]))
        decoder.decode(one(packet, linkType), 0)
        const { decoded, ignored, malformed } = decoder.counters
        const counted = [...Object.values(ignored), ...Object.values(malformed)].reduce(
          (sum, each) => sum + each,
          decoded,
        )
        assert.equal(counted, 1)
        assert.ok(decoder.packet.payloadEnd <= decoder.packet.bytes.length)
      }),
    )
  })

  test('counts the TCP packets of the corpus as tshark does', async (t) => {
    for (const capture of corpusOrSkip(t)) {
      if (!['tcp-edge', 'redis', 'http1'].includes(capture.group)) continue
      const decoder = new Decoder()
      const counts: Record<number, number> = {}
      try {
        for await (const batch of openCapture({ path: capture.path }).packets(new AbortController().signal))
          for (let at = 0; at < batch.count; at++)
            if (decoder.decode(batch, at))
              counts[decoder.packet.protocol] = (counts[decoder.packet.protocol] ?? 0) + 1
      } catch (error) {
        if (!(error instanceof Mistake)) throw error
      }
      assert.equal(counts[6] ?? 0, capture.truth.protocols.tcp ?? 0, `tcp of ${capture.name}`)
    }
  })
})

test('IPv6 addresses are written as RFC 5952 says', () => {
  assert.equal(ipv6Text(0x20010db8 | 0, 0, 0, 1), '2001:db8::1')
  assert.equal(ipv6Text(0, 0, 0, 0), '::')
  assert.equal(ipv6Text(0, 0, 0, 1), '::1')
  assert.equal(ipv6Text(0x20010db8 | 0, 0x00010001, 0x00010001, 0x00010001), '2001:db8:1:1:1:1:1:1')
  assert.equal(ipv6Text(0x20010000, 0x00010000, 0, 0x00010000), '2001:0:1::1:0')
  assert.equal(ipv6Text(0, 0, 0xffff, 0x0a000001), '::ffff:10.0.0.1')
})
