/** What a pod of a test serves: HTTP on port 8080, and on port 5353 DNS, where every name has the address 192.0.2.1. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'

const server = createServer((_, response) => response.end('hello'))
server.listen(8080)
const names = createSocket('udp4')
names.on('message', (query, from) => names.send(answerTo(query), from.port, from.address))
names.bind(5353)
await Promise.all([once(server, 'listening'), once(names, 'listening')])
console.log('ready')

/** RFC 1035 §4.1: the question again, and one address. */
function answerTo(query: Buffer): Buffer {
  const head = Buffer.from(query.subarray(0, 12))
  head.writeUInt16BE(0x8180, 2)
  head.writeUInt16BE(1, 6)
  const answer = Buffer.from('c00c00010001000000100004c0000201', 'hex')
  return Buffer.concat([head, query.subarray(12), answer])
}
