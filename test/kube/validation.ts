import { apiVersionOf, type ResourceKind } from './kinds.ts'
import { isRecord, type Json, listOf, recordOf, textOf, textsOf } from './object.ts'
import { badRequest, type Cause, invalid } from './status.ts'

/** What the API server finds wrong in an object, before it is kept; throws that. */
export function validate(kind: ResourceKind, name: string, object: Json, old: Json | undefined): void {
  checkTypes(kind, object)
  const causes = [
    ...ofMetadata(kind, name, recordOf(object.metadata)),
    ...(OF_KINDS[kind.kind]?.(object, old) ?? []),
  ]
  if (causes.length > 0) throw invalid(kind, name, causes)
}

/** What does not even decode. */
function checkTypes(kind: ResourceKind, object: Json): void {
  const maps =
    kind.group !== ''
      ? []
      : kind.kind === 'ConfigMap'
        ? ['data', 'binaryData']
        : kind.kind === 'Secret'
          ? ['data', 'stringData']
          : []
  for (const field of maps) {
    const value = object[field]
    if (value !== undefined && value !== null && !isRecord(value))
      throw cannotDecode(kind, value, field, 'map[string]string')
    for (const [key, each] of Object.entries(recordOf(value)))
      if (typeof each !== 'string') throw cannotDecode(kind, each, `${field}.${key}`, 'string')
  }
  const { labels, annotations } = recordOf(object.metadata)
  for (const [field, value] of Object.entries({ labels, annotations }))
    for (const each of Object.values(recordOf(value)))
      if (typeof each !== 'string') throw cannotDecode(kind, each, `metadata.${field}`, 'string')
}

function cannotDecode(kind: ResourceKind, value: unknown, field: string, type: string) {
  const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
  return badRequest(
    `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: json: cannot unmarshal ${found} into Go struct field ${kind.kind}.${field} of type ${type}`,
  )
}

function ofMetadata(kind: ResourceKind, name: string, { labels }: Json): readonly Cause[] {
  const causes: Cause[] = []
  const isLabel = DNS_LABEL_NAMES.has(kind.resource)
  if (!kind.group.startsWith('rbac.') && !(isLabel ? LABEL : SUBDOMAIN).test(name))
    causes.push(wrong('metadata.name', JSON.stringify(name), isLabel ? LABEL_RULE : SUBDOMAIN_RULE))
  for (const [key, value] of Object.entries(textsOf(labels))) {
    if (!QUALIFIED_NAME.test(key)) causes.push(wrong('metadata.labels', JSON.stringify(key), NAME_RULE))
    if (value.length > 63)
      causes.push(wrong('metadata.labels', JSON.stringify(value), 'must be no more than 63 bytes'))
    else if (!LABEL_VALUE.test(value))
      causes.push(wrong('metadata.labels', JSON.stringify(value), VALUE_RULE))
  }
  return causes
}

const OF_KINDS: Readonly<Record<string, (object: Json, old: Json | undefined) => readonly Cause[]>> = {
  ConfigMap: ofData,
  Secret: (object, old) => [...ofData(object, old), ...unchanged('type', object, old)],
  Pod: ofPod,
  Service: ofService,
  Deployment: ofWorkload,
  DaemonSet: ofWorkload,
  ReplicaSet: ofWorkload,
  StatefulSet: ofWorkload,
  EndpointSlice: (object) =>
    ['IPv4', 'IPv6', 'FQDN'].includes(textOf(object.addressType)) ? [] : [required('addressType', '')],
  NetworkPolicy: ({ spec }) =>
    listOf(recordOf(spec).policyTypes).some((type) => type !== 'Ingress' && type !== 'Egress')
      ? [
          {
            reason: 'FieldValueNotSupported',
            field: 'spec.policyTypes[0]',
            message: 'Unsupported value: supported values: "Ingress", "Egress"',
          },
        ]
      : [],
  CustomResourceDefinition: ofDefinition,
}

/** k8s.io/kubernetes/pkg/apis/core/validation: keys, and 1 MiB of all values together. */
function ofData(object: Json, old: Json | undefined): readonly Cause[] {
  const causes: Cause[] = []
  let size = 0
  for (const field of ['data', 'binaryData'])
    for (const [key, value] of Object.entries(textsOf(object[field]))) {
      if (!/^[-._a-zA-Z0-9]+$/.test(key))
        causes.push(wrong(`${field}[${key}]`, JSON.stringify(key), KEY_RULE))
      size +=
        field === 'data' && object.kind !== 'Secret'
          ? Buffer.byteLength(value)
          : Buffer.byteLength(value, 'base64')
    }
  if (size > MOST_DATA)
    causes.push({
      reason: 'FieldValueTooLong',
      // A path of one step without a name, as the API server has it.
      field: object.kind === 'Secret' ? 'data' : '[]',
      message: `Too long: may not be more than ${MOST_DATA} bytes`,
    })
  if (old?.immutable === true)
    for (const field of ['data', 'binaryData'])
      if (JSON.stringify(old[field] ?? {}) !== JSON.stringify(object[field] ?? {}))
        causes.push({
          reason: 'FieldValueForbidden',
          field,
          message: 'Forbidden: field is immutable when `immutable` is set',
        })
  return causes
}

function ofPod(object: Json, old: Json | undefined): readonly Cause[] {
  return [...ofPodSpec(object.spec, 'spec'), ...(old === undefined ? [] : ofPodUpdate(object, old))]
}

function ofPodSpec(spec: unknown, path: string): readonly Cause[] {
  const causes: Cause[] = []
  const { containers, restartPolicy } = recordOf(spec)
  if (listOf(containers).length === 0) causes.push(required(`${path}.containers`, ''))
  const names = new Set<string>()
  for (const [at, container] of listOf(containers).map(recordOf).entries()) {
    const here = `${path}.containers[${at}]`
    const name = textOf(container.name)
    if (name === '') causes.push(required(`${here}.name`, ''))
    else if (!LABEL.test(name)) causes.push(wrong(`${here}.name`, JSON.stringify(name), LABEL_RULE))
    else if (names.has(name))
      causes.push({
        reason: 'FieldValueDuplicate',
        field: `${here}.name`,
        message: `Duplicate value: "${name}"`,
      })
    names.add(name)
    if (textOf(container.image) === '') causes.push(required(`${here}.image`, ''))
    for (const [port, each] of listOf(container.ports).map(recordOf).entries())
      if (!isPort(each.containerPort))
        causes.push(
          wrong(`${here}.ports[${port}].containerPort`, JSON.stringify(each.containerPort), PORT_RULE),
        )
  }
  if (restartPolicy !== undefined && !['Always', 'OnFailure', 'Never'].includes(textOf(restartPolicy)))
    causes.push({
      reason: 'FieldValueNotSupported',
      field: `${path}.restartPolicy`,
      message: `Unsupported value: ${JSON.stringify(restartPolicy)}: supported values: "Always", "Never", "OnFailure"`,
    })
  return causes
}

function ofPodUpdate(object: Json, old: Json): readonly Cause[] {
  const fixed = (pod: Json) => {
    const { tolerations, activeDeadlineSeconds, terminationGracePeriodSeconds, nodeName, ...spec } = recordOf(
      pod.spec,
    )
    const containers = listOf(spec.containers).map((each) => ({
      ...recordOf(each),
      image: '',
      resources: {},
    }))
    return JSON.stringify(sorted({ ...spec, containers, initContainers: [] }))
  }
  if (fixed(object) === fixed(old)) return []
  const message =
    'Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'
  return [{ reason: 'FieldValueForbidden', field: 'spec', message }]
}

function ofService({ spec }: Json): readonly Cause[] {
  const { ports, type, clusterIP } = recordOf(spec)
  if (type === 'ExternalName' || clusterIP === 'None') return []
  if (listOf(ports).length === 0) return [required('spec.ports', '')]
  return listOf(ports)
    .map(recordOf)
    .flatMap(({ port }, at) =>
      isPort(port) ? [] : [wrong(`spec.ports[${at}].port`, JSON.stringify(port), PORT_RULE)],
    )
}

function ofWorkload({ spec }: Json, old: Json | undefined): readonly Cause[] {
  const { selector, template } = recordOf(spec)
  const causes: Cause[] = []
  const wanted = textsOf(recordOf(selector).matchLabels)
  if (Object.keys(recordOf(selector)).length === 0) causes.push(required('spec.selector', ''))
  const labels = textsOf(recordOf(recordOf(template).metadata).labels)
  if (Object.entries(wanted).some(([key, value]) => labels[key] !== value))
    causes.push(
      wrong(
        'spec.template.metadata.labels',
        JSON.stringify(labels),
        '`selector` does not match template `labels`',
      ),
    )
  causes.push(...ofPodSpec(recordOf(template).spec, 'spec.template.spec'))
  const before = recordOf(old?.spec).selector
  if (before !== undefined && JSON.stringify(sorted(before)) !== JSON.stringify(sorted(selector)))
    causes.push(wrong('spec.selector', JSON.stringify(selector), 'field is immutable'))
  return causes
}

function ofDefinition({ spec, metadata }: Json): readonly Cause[] {
  const { group, names, versions, scope } = recordOf(spec)
  const causes: Cause[] = []
  const name = `${textOf(recordOf(names).plural)}.${textOf(group)}`
  if (recordOf(metadata).name !== name)
    causes.push(
      wrong(
        'metadata.name',
        JSON.stringify(recordOf(metadata).name),
        `must be spec.names.plural+"."+spec.group`,
      ),
    )
  if (scope !== 'Namespaced' && scope !== 'Cluster') causes.push(required('spec.scope', ''))
  const served = listOf(versions).map(recordOf)
  if (served.filter(({ storage }) => storage === true).length !== 1)
    causes.push(wrong('spec.versions', '…', 'must have exactly one version marked as storage version'))
  for (const [at, version] of served.entries())
    if (recordOf(version.schema).openAPIV3Schema === undefined)
      causes.push(required(`spec.versions[${at}].schema.openAPIV3Schema`, 'schemas are required'))
  return causes
}

function unchanged(field: string, object: Json, old: Json | undefined): readonly Cause[] {
  if (old === undefined || old[field] === object[field]) return []
  return [wrong(field, JSON.stringify(object[field]), 'field is immutable')]
}

/** Whether an object is of this kind at all. */
export function checkKind(kind: ResourceKind, object: Json): void {
  const { apiVersion = apiVersionOf(kind), kind: own = kind.kind } = object
  if (own === kind.kind && apiVersion === apiVersionOf(kind)) return
  throw badRequest(
    own === kind.kind
      ? `the API version in the data (${apiVersion}) does not match the expected API version (${apiVersionOf(kind)})`
      : `${String(own)} in version "${String(apiVersion)}" cannot be handled as a ${kind.kind}: no kind "${String(own)}" is registered`,
  )
}

/** The same text for the same content. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sorted(each)]),
  )
}

function wrong(field: string, value: string, rule: string): Cause {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${value}: ${rule}` }
}

function required(field: string, why: string): Cause {
  return { reason: 'FieldValueRequired', field, message: `Required value${why === '' ? '' : `: ${why}`}` }
}

function isPort(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536
}

const DNS_LABEL_NAMES = new Set(['namespaces', 'services'])
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const QUALIFIED_NAME = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/
const LABEL_RULE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const SUBDOMAIN_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const NAME_RULE =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const VALUE_RULE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
const KEY_RULE =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
const PORT_RULE = 'must be between 1 and 65535, inclusive'
const MOST_DATA = 1 << 20
