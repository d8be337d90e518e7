import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Entry } from '../../entry/entry.ts'
import { compileFilter } from '../../filter/index.ts'
import { readCapture } from '../../testing/read-capture.ts'

const capture = (name: string) => fileURLToPath(new URL(`../../../test/captures/${name}`, import.meta.url))

test('filters select what HTTP/2 and gRPC say, in both languages', async () => {
  const http2 = await readCapture(capture('http2-servers.pcap'))
  const grpc = await readCapture(capture('grpc-etcd.pcap'))
  const all = [...http2.entries, ...grpc.entries]
  const selected = (text: string, prefer: 'kfl1' | 'kfl2' = 'kfl1') => {
    const filter = compileFilter(text, { prefer })
    return all.filter((entry) => filter.matches(entry))
  }
  assert.equal(selected('http2').length, http2.entries.length)
  assert.equal(selected('grpc').length, grpc.entries.length)
  assert.equal(selected('http').length, 0, 'the word of KFL means HTTP/1')
  assert.equal(selected('http && true', 'kfl2').length, all.length, 'that of CEL all of them')
  assert.equal(selected('http2 and response.status == 404').length, 4)
  assert.equal(selected('http2 && status_code == 404 && http_version == "HTTP/2.0"', 'kfl2').length, 4)
  assert.equal(selected('request.headers[":authority"] == r"^127" and http2').length, http2.entries.length)
  const revoked = (text: string, prefer?: 'kfl2') =>
    assert.deepEqual(selected(text, prefer).map(pathOf), ['/etcdserverpb.Lease/LeaseRevoke'], text)
  revoked('grpc and response.grpcStatus == 5')
  revoked('grpc && grpc_status == 5', 'kfl2')
  revoked('grpc_method == "LeaseRevoke" && grpc', 'kfl2')
  revoked('request.grpcService == "etcdserverpb.Lease"')
  assert.equal(selected('request.grpcMessages[*].size > 5 and grpc').length, 3)
})

test('a row has filters that select its entry', async () => {
  for (const name of ['http2-servers.pcap', 'grpc-etcd.pcap', 'grpc-python.pcap', 'http2-upgrade.pcap'])
    for (const entry of (await readCapture(capture(name))).entries)
      for (const query of [entry.base.methodQuery, entry.base.summaryQuery, entry.base.statusQuery])
        if (query !== '') assert.ok(compileFilter(query, { prefer: 'kfl1' }).matches(entry), query)
})

function pathOf({ request }: Entry): string {
  return (request as { path: string }).path
}
