import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { httpCapture } from '../src/testing/http-capture.ts'
import { otlpReceiver } from '../src/testing/otlp-receiver.ts'
import { remora, withFiles } from '../src/testing/remora.ts'

const TRACES = ['0af7651916cd43dd8448eb211c80319c', '4bf92f3577b34da6a3ce929d0e0e4736']
const SPAN = 'b7ad6b7169203331'

const AGENT = `// Traces
function onItemCaptured(data) {
  if (data.protocol.name !== 'http') return;
  otel.spanFromEntry(data);
  otel.metric('requests', 1, { type: 'counter', attributes: { status: data.response.status } });
  if (data.response.status >= 500) otel.log('failed: ' + data.request.path, { severity: 'error', traceparent: data.request.headers.traceparent });
}
`

const CAPTURE = httpCapture(
  TRACES.map((trace, at) => [
    [
      'client',
      `GET /items/${at}?a=1 HTTP/1.1\r\nHost: price.shop\r\ntraceparent: 00-${trace}-${SPAN}-01\r\ntracestate: vendor=${at}\r\n\r\n`,
    ],
    ['server', `HTTP/1.1 ${at === 0 ? '200 OK' : '503 Busy'}\r\nContent-Length: 2\r\n\r\nok`],
  ]),
)

describe('an agent that exports to OpenTelemetry', () => {
  for (const protocol of ['http/protobuf', 'http/json', 'grpc'])
    test(`continues the traces that it sees, over ${protocol}`, async (t) => {
      const receiver = await otlpReceiver(t)
      await withFiles({ 'agents/traces.js': AGENT }, async (folder) => {
        const endpoint = protocol === 'grpc' ? receiver.grpc : receiver.http
        const { code, stdout, stderr } = await remora(
          [
            ...['run', join(folder, 'agents'), '--pcap', '-', '--node-name', 'node-a'],
            ...[
              '--set',
              `scripting.otel.endpoint=${endpoint}`,
              '--set',
              `scripting.otel.protocol=${protocol}`,
            ],
          ],
          { cwd: folder, stdin: CAPTURE },
        )
        assert.equal(code, 0, stdout + stderr)
        assert.deepEqual(receiver.complaints, [], stdout)
        assert.deepEqual([...new Set(receiver.requests.map(({ how }) => how))], [protocol])
        const spans = receiver.items('traces')
        assert.deepEqual(
          spans.map(({ item }) => [item.traceId, item.parentSpanId, item.traceState, item.name, item.kind]),
          TRACES.map((trace, at) => [trace, SPAN, `vendor=${at}`, 'GET', 2]),
        )
        assert.deepEqual(
          spans.map(({ attributes }) => [
            attributes['url.path'],
            attributes['http.response.status_code'],
            attributes['error.type'],
          ]),
          [
            ['/items/0', 200n, undefined],
            ['/items/1', 503n, '503'],
          ],
        )
        assert.equal(spans[0]?.resource['service.name'], 'price.shop')
        assert.equal(spans[0]?.resource['k8s.node.name'], 'node-a')
        const [log] = receiver.items('logs')
        assert.deepEqual([log?.item.traceId, log?.item.spanId], [TRACES[1], SPAN])
        assert.equal(receiver.items('metrics').length, 2)
      })
    })
})
