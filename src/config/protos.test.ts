import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'
import type protobuf from 'protobufjs'
import { Mistake } from '../mistake/mistake.ts'
import { withFiles } from '../testing/remora.ts'
import { readProtos } from './protos.ts'

const SHOP = `
syntax = "proto3";
package shop.v1;
import "common/money.proto";
import "google/protobuf/timestamp.proto";
import "google/api/annotations.proto";
import "validate/validate.proto";
service Catalog {
  rpc Get(GetRequest) returns (Item) { option (google.api.http) = { get: "/v1/items" }; }
  rpc Watch(stream GetRequest) returns (stream .shop.v1.Item);
}
message GetRequest { string item_name = 1 [(validate.rules).string.min_len = 1]; }
message Item {
  string name = 1;
  repeated common.Money prices = 2;
  map<int32, Kind> kinds = 3;
  oneof more { google.protobuf.Timestamp at = 4; Part part = 5; }
  message Part { optional bytes raw = 1; }
  enum Kind { option allow_alias = true; NONE = 0; NEW = 1; OLD = -2; }
}`
const MONEY =
  'syntax = "proto2"; package common; message Money { required group Sum = 1 { optional int64 units = 1; } }'

describe('what tap.grpc.protos names', () => {
  test('may be nothing', () => assert.equal(readProtos([], '/'), undefined))

  test('may be folders: imports are found in them, and beside the files', async () => {
    await withFiles(
      { 'p/shop.proto': SHOP, 'p/common/money.proto': MONEY, 'p/readme.txt': '' },
      async (folder) => {
        const schema = readProtos(['p'], folder)
        assert.deepEqual(schema?.methods.get('/shop.v1.Catalog/Get'), {
          request: 'shop.v1.GetRequest',
          response: 'shop.v1.Item',
        })
        assert.deepEqual(schema?.methods.get('/shop.v1.Catalog/Watch')?.response, 'shop.v1.Item')
        const fields = [...(schema?.messages.get('shop.v1.Item') ?? [])].map(([number, field]) => [
          number,
          field,
        ])
        const field = { typeName: '', isRepeated: false }
        const kind = { name: 'kinds', type: 'enum', typeName: 'shop.v1.Item.Kind', isRepeated: false }
        assert.deepEqual(fields, [
          [1, { ...field, name: 'name', type: 'string' }],
          [2, { name: 'prices', type: 'message', typeName: 'common.Money', isRepeated: true }],
          [3, { ...field, name: 'kinds', type: 'int32', mapValue: kind }],
          [4, { ...field, name: 'at', type: 'message', typeName: 'google.protobuf.Timestamp' }],
          [5, { ...field, name: 'part', type: 'message', typeName: 'shop.v1.Item.Part' }],
        ])
        assert.deepEqual(
          [...(schema?.enums.get('shop.v1.Item.Kind') ?? [])],
          [
            [0, 'NONE'],
            [1, 'NEW'],
            [-2, 'OLD'],
          ],
        )
        assert.equal(schema?.messages.get('shop.v1.GetRequest')?.get(1)?.name, 'item_name')
        assert.equal(schema?.messages.get('common.Money')?.get(1)?.type, 'group')
        assert.ok(schema?.messages.has('google.protobuf.Timestamp'))
      },
    )
  })

  test('may be single files and descriptor sets, which say the same', async () => {
    const require = createRequire(import.meta.url)
    const library = require('protobufjs') as typeof protobuf
    require('protobufjs/ext/descriptor')
    const text =
      'syntax = "proto3"; package a; message M { int32 x_y = 1; repeated N n = 2; } message N { E e = 1; } enum E { Z = 0; } service S { rpc R(M) returns (N); }'
    const { root } = library.parse(text, { keepCase: true })
    const set = root as unknown as { toDescriptor(syntax: string): object }
    const { FileDescriptorSet } = require('protobufjs/ext/descriptor') as { FileDescriptorSet: protobuf.Type }
    const bytes = FileDescriptorSet.encode(FileDescriptorSet.fromObject(set.toDescriptor('proto3'))).finish()
    await withFiles({ 'a.proto': text, 'a.binpb': Buffer.from(bytes) as never }, async (folder) => {
      const [one, other] = [readProtos(['a.proto'], folder), readProtos([`${folder}/a.binpb`], '/')]
      assert.deepEqual({ ...other }, { ...one })
      assert.deepEqual(one?.methods.get('/a.S/R'), { request: 'a.M', response: 'a.N' })
      assert.deepEqual({ ...structuredClone({ ...one }) }, { ...one }, 'it can be sent to a thread')
    })
  })

  test('must be there, and be read', async () => {
    const files = {
      'bad.proto': 'message {',
      'lost.proto': 'syntax = "proto3"; import "no/where.proto"; message A { no.B b = 1; }',
      'set.pb': 'this is no descriptor set',
    }
    await withFiles(files, async (folder) => {
      const wrong = (path: string, message: RegExp, hint = /^/) =>
        assert.throws(
          () => readProtos([path], folder),
          (error) =>
            error instanceof Mistake &&
            error.code === 'E_PROTO_READ' &&
            message.test(error.message) &&
            hint.test(error.hint ?? ''),
          path,
        )
      wrong('none.proto', /there is no .*none\.proto/)
      wrong('bad.proto', /bad\.proto.* line 1/)
      wrong('lost.proto', /no\.B/, /"no\/where\.proto" of .*lost\.proto/)
      wrong('set.pb', /set\.pb: /, /descriptor set/)
    })
  })
})
