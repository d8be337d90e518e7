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
