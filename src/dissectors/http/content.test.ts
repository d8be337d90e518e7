import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { LONGEST_DECODED } from './content.ts'
import { firstReply, firstRequest } from './test-messages.ts'

function reply(
  headers: string,
  body: Uint8Array | string,
  context?: { wantsBodies: boolean; maxBody: number },
) {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const head = `HTTP/1.1 200 OK\r\n${headers}Content-Length: ${bytes.length}\r\n\r\n`
  return firstReply(Buffer.concat([Buffer.from(head), bytes]), context)
}

function post(contentType: string, body: Uint8Array | string, headers = '') {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const head = `POST / HTTP/1.1\r\n${headers}Content-Type: ${contentType}\r\nContent-Length: ${bytes.length}\r\n\r\n`
  return firstRequest(Buffer.concat([Buffer.from(head), bytes])).postData
}

const story = 'It was a dark and stormy night. '.repeat(200)
const noise = Buffer.from(Array.from({ length: 20_000 }, (_, at) => 33 + (((at * at * 7919) >>> 5) % 90)))

describe('a compressed body', () => {
  for (const [coding, compressed] of [
    ['gzip', gzipSync(story)],
    ['x-gzip', gzipSync(story)],
    ['deflate', deflateSync(story)],
    ['Deflate', deflateRawSync(story)],
    ['br', brotliCompressSync(story)],
    ['zstd', zstdCompressSync(story)],
    ['gzip, br', brotliCompressSync(gzipSync(story))],
    ['identity', Buffer.from(story)],
  ] as const)
    test(`is shown decompressed: ${coding} (${compressed.length} bytes)`, () => {
      const { content, bodySize } = reply(
        `Content-Encoding: ${coding}\r\nContent-Type: text/plain\r\n`,
        compressed,
      )
      assert.equal(content.text, story)
      assert.equal(content.encoding, '')
      assert.equal(content.size, story.length)
      assert.equal(content.truncated, false)
      assert.equal(bodySize, compressed.length)
    })

  test('is shown decompressed where the transfer was, not the content', () => {
    const chunked = (body: Buffer) =>
      Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')])
    for (const [headers, body] of [
      ['Transfer-Encoding: gzip, chunked', chunked(gzipSync(story))],
      ['Transfer-Encoding: gzip', gzipSync(story)],
      ['Content-Encoding: gzip, identity\r\nTransfer-Encoding: identity', gzipSync(story)],
      [
        'Content-Encoding: br\r\nTransfer-Encoding: deflate, Chunked',
        chunked(deflateSync(brotliCompressSync(story))),
      ],
      ['Content-Encoding: gzip\r\nTransfer-Encoding: chunked', chunked(gzipSync(story))],
    ] as const) {
      const head = Buffer.from(`HTTP/1.1 200 OK\r\n${headers}\r\n\r\n`)
      assert.equal(firstReply(Buffer.concat([head, body])).content.text, story, headers)
    }
  })

  for (const [coding, compressed] of [
    ['gzip', gzipSync(noise)],
    ['deflate', deflateSync(noise)],
    ['br', brotliCompressSync(noise)],
    ['zstd', zstdCompressSync(noise)],
  ] as const) {
    test(`that was not kept to its end is shown as far as it goes: ${coding}`, () => {
      const { content } = reply(`Content-Encoding: ${coding}\r\n`, compressed, {
        wantsBodies: true,
        maxBody: compressed.length - 100,
      })
      const text = noise.toString()
      assert.ok(coding === 'zstd' || content.text.length > text.length / 2, String(content.text.length))
      assert.ok(coding === 'zstd' || text.startsWith(content.text))
      assert.equal(content.truncated, true)
    })

    test(`that is broken is shown up to near the place, and nothing throws: ${coding}`, () => {
      const broken = Buffer.from(compressed)
      broken.fill(0xff, Math.floor(broken.length * 0.9))
      const { content } = reply(`Content-Encoding: ${coding}\r\n`, broken)
      assert.equal(content.truncated, true)
      if (coding === 'gzip' || coding === 'deflate') {
        assert.ok(content.text.length > noise.length / 2, String(content.text.length))
        assert.equal(content.text.slice(0, 10_000), noise.toString().slice(0, 10_000))
      }
    })
  }

  test('that grows without end is stopped', () => {
    const bomb = gzipSync(Buffer.alloc(50 << 20))
    const { content } = reply('Content-Encoding: gzip\r\n', bomb)
    assert.ok(content.size > 0 && content.size <= LONGEST_DECODED, String(content.size))
    assert.equal(content.truncated, true)
  })

  test('that is none, or in an unknown coding, is shown as it came', () => {
    for (const coding of ['gzip', 'zstd', 'br', 'compress']) {
      const { content } = reply(`Content-Encoding: ${coding}\r\n`, 'plain after all')
      assert.equal(content.text, 'plain after all', coding)
      assert.equal(content.size, 15)
    }
  })

  test('that nobody keeps has the size that it has on the wire', () => {
    const compressed = gzipSync(story)
    const { content } = reply('Content-Encoding: gzip\r\n', compressed, { wantsBodies: false, maxBody: 100 })
    assert.deepEqual([content.size, content.text, content.truncated], [compressed.length, '', true])
  })

  test('of a request is decompressed as well', () => {
    const params = post(
      'application/x-www-form-urlencoded',
      gzipSync('a=1&b=2'),
      'Content-Encoding: gzip\r\n',
    ).params
    assert.deepEqual(params, [
      { name: 'a', value: '1' },
      { name: 'b', value: '2' },
    ])
  })
})

describe('a body is shown', () => {
  test('as text where it is UTF-8, whatever its type says of it', () => {
    for (const type of ['application/json', 'application/octet-stream', 'x-unknown/thing', 'image/svg+xml']) {
      const { content } = reply(`Content-Type: ${type}\r\n`, '{"é":"\ufffd"}')
      assert.deepEqual([content.text, content.encoding], ['{"é":"\ufffd"}', ''])
    }
    assert.equal(reply('', 'no type').content.text, 'no type')
  })

  test('as base64 where it is not', () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x41])
    for (const type of ['image/png', 'application/octet-stream', 'text/plain', 'text/plain; charset=utf-8']) {
      const { content } = reply(`Content-Type: ${type}\r\n`, bytes)
      assert.deepEqual([content.text, content.encoding, content.size], ['//4AQQ==', 'base64', 4])
    }
    assert.equal(reply('Content-Type: application/octet-stream\r\n', 'a\0b').content.encoding, 'base64')
    assert.equal(reply('Content-Type: image/png\r\n', 'abc').content.encoding, 'base64')
  })

  test('by the charset that is named, where the bytes are of it', () => {
    const shown = (charset: string, hex: string) => {
      const { content } = reply(`Content-Type: text/html; charset=${charset}\r\n`, Buffer.from(hex, 'hex'))
      return content.encoding === '' ? content.text : content.encoding
    }
    assert.equal(shown('windows-1251', 'cff0e8e2e5f2'), 'Привет')
    assert.equal(shown('Shift_JIS', '93fa967b'), '日本')
    assert.equal(shown('GBK', 'c4e3bac3'), '你好')
    assert.equal(shown('windows-1252', '80313030'), '€100')
    assert.equal(shown('utf-16le', '680069002000e900'), 'hi é')
    assert.equal(shown('iso-2022-jp', '1b2442467c1b2842'), '日')
    assert.equal(shown('windows-1251', 'd094d0b0'), 'Да', 'many name a charset and send UTF-8')
    assert.equal(shown('Shift_JIS', '93fa96'), 'base64')
    assert.equal(shown('no-such-charset', 'ff'), 'base64')
  })

  test('one character a byte where its charset says so', () => {
    const { content } = reply(
      'Content-Type: text/html; charset="ISO-8859-1"\r\n',
      Buffer.from('caf\xe9', 'latin1'),
    )
    assert.deepEqual([content.text, content.encoding], ['café', ''])
  })

  test('as text although the limit cut a character', () => {
    for (const character of ['é', '€', '😀'])
      for (let cut = 1; cut < Buffer.byteLength(character); cut++) {
        const { content } = reply('', `ab${character}${character}`, { wantsBodies: true, maxBody: 2 + cut })
        assert.deepEqual([content.text, content.encoding], ['ab', ''], `${character} cut at ${cut}`)
      }
  })
})

describe('a form', () => {
  test('that is urlencoded has its fields, decoded', () => {
    const { mimeType, params, text } = post(
      'application/x-www-form-urlencoded; charset=utf-8',
      'a=1+2&b=%C3%A9&c&a=%3D',
    )
    assert.equal(mimeType, 'application/x-www-form-urlencoded')
    assert.equal(text, 'a=1+2&b=%C3%A9&c&a=%3D')
    assert.deepEqual(params, [
      { name: 'a', value: '1 2' },
      { name: 'b', value: 'é' },
      { name: 'c', value: '' },
      { name: 'a', value: '=' },
    ])
  })

  test('in parts has the values of fields, and of files what they are', () => {
    const body =
      '--XX\r\nContent-Disposition: form-data; name="title"\r\n\r\nGrüße\r\nund mehr\r\n' +
      '--XX\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: image/png\r\n\r\n\x00\x01\r\n' +
      "--XX\r\nContent-Disposition: form-data; name=two; filename*=UTF-8''na%C3%AFve+1.txt\r\n\r\nx\r\n" +
      '--XX\r\ncontent-disposition: form-data; name=plain\r\n\r\n\r\n--XX--\r\n'
    assert.deepEqual(post('multipart/form-data; boundary=XX', body).params, [
      { name: 'title', value: 'Grüße\r\nund mehr' },
      { name: 'file', value: '', fileName: 'a.bin', contentType: 'image/png' },
      { name: 'two', value: '', fileName: 'naïve+1.txt', contentType: '' },
      { name: 'plain', value: '' },
    ])
  })

  test('that is broken, or of another type, has no fields', () => {
    assert.deepEqual(post('multipart/form-data', '--XX\r\n').params, [])
    assert.deepEqual(post('multipart/form-data; boundary="XX"', '--XX--XX\r\n--XX\r\n\r\n--XX').params, [])
    assert.deepEqual(post('application/json', 'a=1').params, [])
  })
})
