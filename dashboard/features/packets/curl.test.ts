import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { curlOf, quoted } from './curl.ts'

const ENTRY = {
  protocol: { name: 'http' },
  tls: false,
  dst: { ip: '10.0.0.2', port: '8080' },
  request: {
    method: 'POST',
    url: '/orders?a=1&b={2}',
    httpVersion: 'HTTP/1.1',
    headers: { Host: 'shop.test', 'Content-Length': '9', Accept: ['a/b', 'c/d'], 'X-Empty': '' },
    postData: { mimeType: 'application/json', text: `{"it's": 1}`, encoding: '' },
  },
}

/** What a shell makes of a command whose `curl` prints the words that it is given. */
function words(command: string): string[] {
  const script = `curl() { for word in "$@"; do printf '%s\\0' "$word"; done; }; ${command}`
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1)
}

describe('an entry as a curl command', () => {
  test('sends the same request', () => {
    assert.deepEqual(words(curlOf(ENTRY) ?? ''), [
      'http://shop.test/orders?a=1&b={2}',
      ...[
        '-X',
        'POST',
        '-H',
        'Accept: a/b',
        '-H',
        'Accept: c/d',
        '-H',
        'X-Empty;',
        '--path-as-is',
        '--globoff',
      ],
      ...['--data-raw', `{"it's": 1}`],
    ])
  })

  test('does nothing else, whatever is in the request', () => {
    const evil = [
      `'; touch /tmp/evil; '`,
      '$(id)',
      '`id`',
      '!!',
      '"',
      "\\'",
      'a\nrm -rf /\r',
      '-o/etc/passwd',
      '$' + '{HOME}',
      '\u001b[201~\n',
      '@/etc/passwd',
      '~',
      '*',
      '\u202e',
    ]
    for (const value of evil) {
      const request = {
        method: value,
        url: `/${value}`,
        headers: { [`@${value}`]: value, 'X-Value': value, Host: value },
        postData: { text: value },
      }
      const got = words(curlOf({ ...ENTRY, request }) ?? '')
      assert.deepEqual(
        got,
        [
          `http://${value}/${value}`,
          ...['-X', value, '-H', `X-Value: ${value}`, '--path-as-is', '--globoff', '--data-raw', value],
        ],
        JSON.stringify(value),
      )
      assert.deepEqual(words(`curl ${quoted(value)}`), [value])
    }
    assert.equal(quoted('a\0b'), 'ab')
    assert.equal(quoted('\u001b[201~\n'), "$'\\u001b[201~\\u000a'")
  })

  test('sends bytes that are no text by way of base64', () => {
    const bytes = { ...ENTRY.request, postData: { mimeType: '', text: 'AAECAw==', encoding: 'base64' } }
    const command = curlOf({ ...ENTRY, request: bytes }) ?? ''
    assert.match(
      command,
      /--data-binary @<\(base64 -d <<< 'AAECAw=='\)$|--data-binary @<\(base64 -d <<< AAECAw==\)$/,
    )
  })

  test('names the server where no host is named, and is not there for what is no request of HTTP', () => {
    const command = curlOf({ ...ENTRY, request: { ...ENTRY.request, headers: {} } }) ?? ''
    assert.equal(words(command)[0], 'http://10.0.0.2:8080/orders?a=1&b={2}')
    const h2 = {
      ...ENTRY.request,
      httpVersion: 'HTTP/2.0',
      headers: { ':authority': 'h2.test', ':path': '/x' },
    }
    const over2 = words(curlOf({ ...ENTRY, tls: true, request: h2 }) ?? '')
    assert.deepEqual(
      [over2[0], over2.includes('--http2'), over2.includes('-H')],
      ['https://h2.test/orders?a=1&b={2}', true, false],
    )
    assert.equal(curlOf({ ...ENTRY, protocol: { name: 'dns' } }), undefined)
    assert.equal(curlOf({ ...ENTRY, request: null }), undefined)
  })
})
