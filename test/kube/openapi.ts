import protobuf from 'protobufjs'
import { apiVersionOf, pathOf, type ResourceKind } from './kinds.ts'
import { isRecord, type Json } from './object.ts'

/**
 * What there is below `/openapi/v3`: enough for `kubectl` to see that the server checks fields itself, and to explain what
 * CustomResourceDefinitions say. https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3
 */
export function openApi(path: string, kinds: readonly ResourceKind[]): Json | undefined {
  const groups = Map.groupBy(kinds, rootOf)
  if (path === '/openapi/v3')
    return {
      paths: Object.fromEntries(
        [...groups.keys()].map((root) => [
          root,
          { serverRelativeURL: `/openapi/v3/${root}?hash=${kinds.length}` },
        ]),
      ),
    }
  const own = groups.get(path.slice('/openapi/v3/'.length))
  if (!path.startsWith('/openapi/v3/') || own === undefined) return undefined
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.35.0' },
    paths: Object.fromEntries(own.flatMap(pathsOf)),
    components: { schemas: Object.fromEntries(own.map((kind) => [schemaName(kind), schemaOf(kind)])) },
  }
}

/**
 * `/openapi/v2`, which kubectl asks for in Protobuf alone, and still looks at for objects of kind List: that each kind can be patched, and
 * fields are checked then. Messages and numbers are those of github.com/google/gnostic-models/openapiv2.
 */
export function openApiV2(kinds: readonly ResourceKind[]): Uint8Array {
  const paths = kinds.map((kind) => {
    const yaml = Object.entries(gvk(kind)).map(([key, value]) => `${key}: "${String(value)}"`)
    const parameter = { nonBodyParameter: { query: { in: 'query', name: 'fieldValidation' } } }
    const patch = {
      parameters: [{ parameter }],
      vendorExtension: [{ name: 'x-kubernetes-group-version-kind', value: { yaml: `${yaml.join('\n')}\n` } }],
    }
    return { name: `${pathOf(kind, '{namespace}')}/{name}`, value: { patch } }
  })
  const document = {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: 'v1.35.0' },
    paths: { path: paths },
  }
  return V2.encode(V2.fromObject(document)).finish()
}

/** As it is asked for, and as it is answered. */
export const OPENAPI_V2 = {
  accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
  type: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
}

const V2 = protobuf
  .parse(
    `
    syntax = "proto3";
    message Document { string swagger = 1; Info info = 2; Paths paths = 8; }
    message Info { string title = 1; string version = 2; }
    message Paths { repeated NamedPathItem path = 2; }
    message NamedPathItem { string name = 1; PathItem value = 2; }
    message PathItem { Operation patch = 8; }
    message Operation { repeated ParametersItem parameters = 8; repeated NamedAny vendorExtension = 13; }
    message ParametersItem { Parameter parameter = 1; }
    message Parameter { NonBodyParameter nonBodyParameter = 2; }
    message NonBodyParameter { QueryParameter query = 3; }
    message QueryParameter { string in = 2; string name = 4; }
    message NamedAny { string name = 1; Any value = 2; }
    message Any { string yaml = 2; }
  `,
  )
  .root.lookupType('Document')

function rootOf(kind: ResourceKind): string {
  return kind.group === '' ? `api/${kind.version}` : `apis/${kind.group}/${kind.version}`
}

function pathsOf(kind: ResourceKind): readonly (readonly [string, Json])[] {
  const collection = pathOf(kind, '{namespace}')
  const about = { 'x-kubernetes-group-version-kind': gvk(kind), responses: { 200: { description: 'OK' } } }
  const write = { ...about, parameters: WRITE_PARAMETERS }
  const read = {
    ...about,
    responses: {
      200: {
        description: 'OK',
        content: { 'application/json': { schema: { $ref: `#/components/schemas/${schemaName(kind)}` } } },
      },
    },
  }
  return [
    [
      collection,
      { get: { ...read, 'x-kubernetes-action': 'list' }, post: { ...write, 'x-kubernetes-action': 'post' } },
    ],
    [
      `${collection}/{name}`,
      {
        get: { ...read, 'x-kubernetes-action': 'get' },
        put: { ...write, 'x-kubernetes-action': 'put' },
        patch: { ...write, 'x-kubernetes-action': 'patch' },
        delete: { ...about, 'x-kubernetes-action': 'delete' },
      },
    ],
  ]
}

function schemaOf(kind: ResourceKind): Json {
  const { properties, ...rest } = kind.schema ?? {}
  return {
    type: 'object',
    description: kind.kind,
    ...rest,
    properties: {
      apiVersion: { type: 'string', description: 'Version of the schema.' },
      kind: { type: 'string', description: 'What the object is.' },
      metadata: { type: 'object', description: 'Name, labels and the like.' },
      ...(kind.isCustom ? {} : { spec: ANYTHING, status: ANYTHING }),
      ...(isRecord(properties) ? properties : {}),
    },
    'x-kubernetes-group-version-kind': [gvk(kind)],
    ...(kind.isCustom ? {} : { 'x-kubernetes-preserve-unknown-fields': true }),
  }
}

function schemaName(kind: ResourceKind): string {
  return `${kind.group
    .split('.')
    .toReversed()
    .concat(apiVersionOf(kind).split('/').at(-1) ?? '', kind.kind)
    .filter(Boolean)
    .join('.')}`
}

function gvk({ group, version, kind }: ResourceKind): Json {
  return { group, version, kind }
}

const ANYTHING = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) => ({
  ...{ name, in: 'query', schema: { type: 'string', uniqueItems: true } },
}))
