import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ja3sText, ja3Text, ja4, md5 } from './fingerprints.ts'
import { readClientHello, readServerHello } from './hello.ts'
import {
  alpn,
  clientHelloBody,
  extension,
  groups,
  type HelloOptions,
  pointFormats,
  serverHelloBody,
  signatures,
  sni,
  vector,
  versions,
} from './test-hellos.ts'

function client(options: HelloOptions) {
  const hello = readClientHello(clientHelloBody(options), options.cookie !== undefined)
  assert.ok(hello)
  return hello
}

const empty = (type: number) => extension(type)

/** The hello of FoxIO's description of JA4, with GREASE strewn in. */
const chrome: HelloOptions = {
  ciphers: [
    0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
    0x009d, 0x002f, 0x0035,
  ],
  extensions: [
    empty(0xdada),
    empty(0x001b),
    sni('example.com'),
    empty(0x0033),
    alpn('h2', 'http/1.1'),
    empty(0x4469),
    empty(0x0017),
    versions(0x9a9a, 0x0304, 0x0303),
    signatures(0x0403, 0x0804, 0x1a1a, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601),
    empty(0x0005),
    empty(0x0023),
    empty(0x0012),
    empty(0x002d),
    empty(0xff01),
    pointFormats(0),
    groups(0x2a2a, 29, 23, 24),
    empty(0x0015),
    empty(0xfafa),
  ],
}

describe('JA4', () => {
  test('is that of its description', () => {
    assert.equal(ja4(client(chrome), 't'), 't13d1516h2_8daaf6152771_e5627efa2ab1')
  })

  test('without signature algorithms hashes the extensions alone', () => {
    const extensions = chrome.extensions?.filter((each) => each[1] !== 13)
    const rest = [...(extensions ?? []), extension(13, vector(2))]
    assert.equal(ja4(client({ ...chrome, extensions: rest }), 't'), 't13d1516h2_8daaf6152771_6d807ffa2a79')
  })

  test('has zeros where there is nothing to hash', () => {
    assert.equal(
      ja4(client({ version: 0x0301, ciphers: [0x0a0a] }), 't'),
      't10i000000_000000000000_000000000000',
    )
    assert.equal(
      ja4(client({ ciphers: [0x0a0a], extensions: [sni('a'), alpn('h2')] }), 't'),
      't12d0002h2_000000000000_000000000000',
    )
  })

  test('has a code for each version, and counts up to 99', () => {
    const version = (version: number, ...offered: number[]) =>
      ja4(
        client({ version, ...(offered.length > 0 ? { extensions: [versions(...offered)] } : {}) }),
        'd',
      ).slice(1, 3)
    assert.deepEqual(
      [0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0xfeff, 0xfefd, 0xfefc, 0x7777].map((each) => version(each)),
      ['s2', 's3', '10', '11', '12', 'd1', 'd2', 'd3', '00'],
    )
    assert.equal(version(0x0303, 0x0303, 0xfafa, 0x0304), '13')
    const ciphers = Array.from({ length: 120 }, (_, code) => 0x1000 + code)
    assert.equal(ja4(client({ ciphers }), 't').slice(4, 6), '99')
  })

  test('shows the first protocol by its ends, in hexadecimal when they are not letters or digits', () => {
    const code = (...protocol: number[]) =>
      ja4(client({ extensions: [extension(16, vector(2, vector(1, protocol)))] }), 't').slice(8, 10)
    assert.equal(code(0xab), 'ab')
    assert.equal(code(0xab, 0xcd), 'ad')
    assert.equal(code(0x30, 0xab), '3b')
    assert.equal(code(0x30, 0x31, 0xab, 0xcd), '3d')
    assert.equal(code(0x30, 0xab, 0xcd, 0x31), '01')
    assert.equal(code(0x68), 'hh')
    assert.equal(code(), '00')
    assert.equal(ja4(client({ extensions: [extension(16, vector(2))] }), 't').slice(8, 10), '00')
  })
})

describe('JA3', () => {
  test('lists what the client shows, without GREASE', () => {
    assert.equal(
      ja3Text(client(chrome)),
      '771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,' +
        '27-0-51-16-17513-23-43-13-5-35-18-45-65281-11-10-21,29-23-24,0',
    )
  })

  test('is empty where the hello is', () => {
    assert.equal(
      ja3Text(client({ version: 0x0301, ciphers: [4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99] })),
      '769,4-5-10-9-100-98-3-6-19-18-99,,,',
    )
    // The example of JA3's description.
    assert.equal(md5('769,4-5-10-9-100-98-3-6-19-18-99,,,'), 'de350869b8c85de67a350c8d186f11e6')
  })

  test('of a server lists what it chose', () => {
    const hello = readServerHello(
      serverHelloBody({ ciphers: [0x1301], extensions: [extension(51), extension(43)] }),
    )
    assert.ok(hello)
    assert.equal(ja3sText(hello), '771,4865,51-43')
    // As tshark has it for a server of Google.
    assert.equal(md5(ja3sText(hello)), 'eb1d94daa7e0344597e756a1fb6e7054')
  })
})
