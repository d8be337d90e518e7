import { type CapturedConnection, tcpCapture } from '../../src/testing/tcp-capture.ts'

/** Two and a half minutes around a full hour: calls that pass and fail, one without a reply, one slow, and names that are asked for. */
export function shopTraffic(): Buffer {
  return tcpCapture([
    call(1, 'GET /health', 200),
    call(5, 'GET /users/1?id=7', 200),
    call(10, 'POST /orders', 500),
    lookup(12, 'cart.shop.test', '10.0.0.9'),
    lookup(14, 'cart.shop.test', '10.0.0.9'),
    call(15, 'GET /users/2', 404),
    connection(20, '10.0.0.2:80', [['client', requestOf('GET /slow')]]),
    call(30, 'GET /users/3', 200, 900),
    lookup(40, 'cart.shop.test', '10.0.0.9'),
    connection(50, '10.0.0.2:80', [['client', requestOf('GET /late')]], '10.0.0.9'),
    call(70, 'POST /orders', 500),
    call(80, 'GET /health', 200),
    lookup(90, 'price.shop.test', '10.0.0.8'),
    call(130, 'GET /users/4', 200),
    call(150, 'GET /last', 200),
  ])
}

/** As many names that are asked for, ten each second, and nothing else until two calls. */
export function namesTraffic(lookups: number): Buffer {
  const asked = Array.from({ length: lookups }, (_, n) => lookup(n / 10, 'cart.shop.test', '10.0.0.9'))
  return tcpCapture([
    ...asked,
    ...[2, 3].map((late) => call(lookups / 10 + late, 'GET /orders', 200)),
    call(lookups / 10 + 90, 'GET /last', 200),
  ])
}

/** A busy minute: as many calls, and one in the minute after it. */
export function busyTraffic(calls: number): Buffer {
  const all = Array.from({ length: calls }, (_, n) => call((n * 50) / calls, 'GET /busy', 200))
  return tcpCapture([...all, call(130, 'GET /last', 200)])
}

/** A call that is answered, as many without a reply, ten each second, and two that are answered. */
export function outageTraffic(calls: number): Buffer {
  const lost = Array.from({ length: calls }, (_, n) =>
    connection(1 + n / 10, '10.0.0.2:80', [['client', requestOf('GET /lost')]]),
  )
  return tcpCapture([
    call(0, 'GET /before', 200),
    ...lost,
    call(calls / 10 + 2, 'GET /back', 200),
    call(calls / 10 + 70, 'GET /last', 200),
  ])
}

/** 12:58, UTC */
const BEGIN = Date.UTC(2026, 10, 26, 12, 58)
let connections = 0

function connection(
  atSecond: number,
  to: string,
  sent: CapturedConnection['sent'],
  from = '10.0.0.1',
): CapturedConnection {
  return { from: `${from}:${4000 + connections++}`, to, at: BEGIN + atSecond * 1000, sent }
}

function call(atSecond: number, line: string, status: number, tookMs = 2): CapturedConnection {
  const body = `{"status":${status}}`
  const reply = `HTTP/1.1 ${status} -\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  return connection(atSecond, '10.0.0.2:80', [
    ['client', requestOf(line)],
    ['server', reply, tookMs],
  ])
}

function requestOf(line: string): string {
  return `${line} HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: till\r\nContent-Length: 0\r\n\r\n`
}

/** DNS over TCP, RFC 7766. */
function lookup(atSecond: number, name: string, address: string): CapturedConnection {
  const labels = name.split('.').map((label) => String.fromCharCode(label.length) + label)
  const question = `${labels.join('')}\0\0\x01\0\x01`
  const answer = `\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04${String.fromCharCode(...address.split('.').map(Number))}`
  const message = (head: string) => {
    const text = `\0\x07${head}${question}${head[1] === '\x80' ? answer : ''}`
    return `\0${String.fromCharCode(text.length)}${text}`
  }
  const ask = message('\x01\0\0\x01\0\0\0\0\0\0')
  const reply = message('\x81\x80\0\x01\0\x01\0\0\0\0')
  return connection(
    atSecond,
    '10.0.0.53:53',
    [
      ['client', ask],
      ['server', reply],
    ],
    '10.0.0.3',
  )
}
