/** What .proto files and descriptor sets say, as far as messages need it. Plain data: it is sent to threads. */
export interface ProtoSchema {
  /** By full name: `shop.v1.Item`. */
  readonly messages: ReadonlyMap<string, ProtoMessage>
  /** Names of values, by full name of the enum. */
  readonly enums: ReadonlyMap<string, ReadonlyMap<number, string>>
  /** By path of the call: `/shop.v1.Catalog/Get`. */
  readonly methods: ReadonlyMap<string, ProtoMethod>
}

/** Fields by number. */
export type ProtoMessage = ReadonlyMap<number, ProtoField>

export interface ProtoField {
  readonly name: string
  /** Of a map that of its keys. */
  readonly type: ScalarType | 'enum' | 'message' | 'group'
  /** Full name of an enum or a message; "" of others. */
  readonly typeName: string
  readonly isRepeated: boolean
  readonly mapValue?: ProtoField
}

/** Full names of what a call sends and gets. */
export interface ProtoMethod {
  readonly request: string
  readonly response: string
}

export type ScalarType =
  | 'double'
  | 'float'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'sint32'
  | 'sint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed32'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes'
