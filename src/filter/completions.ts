import type { DescribedProtocol, FieldDescription } from '../entry/described.ts'
import { describeShape } from '../entry/described.ts'
import { commonFields, protocolFields } from '../entry/schema.ts'
import { END_MEMBERS, VARIABLES } from './cel-variables.ts'
import { kflMacros } from './kfl-macros.ts'
import { detectLanguage, type FilterLanguage } from './language.ts'
import {
  CEL_FUNCTIONS,
  CEL_MACROS,
  CEL_OPERATORS,
  KFL_HELPERS,
  KFL_KEYWORDS,
  KFL_METHODS,
  KFL_OPERATORS,
  type Word,
} from './vocabulary.ts'

/** Something that can be written in a filter. */
export interface Completion {
  /** As it is written. A `method` follows a value and a dot; `helper` and `method` take parameters. */
  readonly label: string
  readonly kind: 'field' | 'word' | 'helper' | 'method' | 'keyword' | 'operator'
  /** Of its values, as the typings spell it; "" of what has none. */
  readonly type: string
  readonly doc: string
  /** Badges of the protocols that have it; none: all have. */
  readonly protocols: readonly string[]
  /** Values that it has, or may have. */
  readonly values: readonly string[]
  /** A whole filter with it. */
  readonly example?: string
}

/** All that can be written, in each of the two languages: nothing that would be refused there. */
export function completions(
  protocols: readonly DescribedProtocol[],
  macros: Readonly<Record<string, string>>,
): Readonly<Record<FilterLanguage, readonly Completion[]>> {
  const fields = fieldsOf(protocols)
  const offered = (language: FilterLanguage, all: readonly Completion[]) =>
    all.filter(({ label, kind }) => (kind !== 'field' && kind !== 'word') || isOf(language, label, macros))
  return {
    kfl1: offered('kfl1', [...fields.values(), ...kflWords(protocols, macros)]),
    kfl2: offered('kfl2', [...celVariables(fields, protocols), ...celMembers(fields), ...celWords()]),
  }
}

/** Nothing in it is a sign of the other language. */
function isOf(language: FilterLanguage, text: string, macros: Readonly<Record<string, string>>): boolean {
  return detectLanguage(text, language, macros).language === language
}

/** Fields of entries by their paths: `request.method`. */
function fieldsOf(protocols: readonly DescribedProtocol[]): ReadonlyMap<string, Completion> {
  const found = new Map<string, Completion>()
  const common = { ...commonFields, protocol: protocolFields }
  for (const [name, shape] of Object.entries(common)) addField(found, name, describeShape(shape), [])
  for (const end of ['src', 'dst'])
    for (const [path, doc] of Object.entries(OF_KUBERNETES))
      addField(found, `${end}.${path}`, { type: 'string', doc }, [])
  for (const protocol of protocols) {
    const badges = [...new Set(protocol.protocols.map(({ abbr }) => abbr))]
    for (const part of ['request', 'response', 'data'] as const)
      for (const [name, field] of Object.entries(protocol[part]?.fields ?? {}))
        addField(found, `${part}.${name}`, field, badges)
  }
  for (const [path, values] of Object.entries(valuesOf(protocols))) {
    const field = found.get(path)
    if (field !== undefined) found.set(path, { ...field, values })
  }
  return found
}

function addField(
  found: Map<string, Completion>,
  path: string,
  { type, doc, fields = {} }: FieldDescription,
  badges: readonly string[],
): void {
  if (doc === INTERNAL || !PATH.test(path)) return
  const known = found.get(path)
  found.set(path, {
    label: path,
    kind: 'field',
    type: together(known?.type, type, ' | '),
    doc: together(known?.doc, doc, '; '),
    protocols: [...new Set([...(known?.protocols ?? []), ...badges])],
    values: [],
  })
  for (const [name, field] of Object.entries(fields)) addField(found, `${path}.${name}`, field, badges)
}

/** What several protocols say of a field of the same name. */
function together(known: string | undefined, more: string, between: string): string {
  if (known === undefined) return more
  return known.split(between).includes(more) ? known : `${known}${between}${more}`
}

/** In what is kept of objects of Kubernetes, each end. */
const OF_KUBERNETES: Readonly<Record<string, string>> = {
  'pod.metadata.name': 'Name of the pod',
  'pod.metadata.namespace': 'Its namespace',
  'pod.metadata.labels': 'Its labels: pod.metadata.labels["app"]',
  'pod.spec.nodeName': 'Node that it runs on',
  'service.metadata.name': 'Name of the service',
  'service.metadata.namespace': 'Its namespace',
  'endpointSlice.metadata.name': 'Name of the endpoint slice',
  'workload.kind': 'What has made the pod: Deployment, StatefulSet …',
  'workload.name': 'Its name',
}
const MECHANISMS = ['ip-and-port', 'ip', 'dns', 'http-header', 'container-id', 'none']
const WORKLOADS = ['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob', 'Job', 'ReplicaSet']

function valuesOf(protocols: readonly DescribedProtocol[]): Readonly<Record<string, readonly string[]>> {
  const descriptors = protocols.flatMap((each) => each.protocols)
  const each = (of: (descriptor: (typeof descriptors)[number]) => string) =>
    [...new Set(descriptors.map(of))].filter((value) => value !== '').sort()
  return {
    'protocol.name': each(({ name }) => name),
    'protocol.abbr': each(({ abbr }) => abbr),
    'protocol.macro': each(({ macro }) => macro),
    'protocol.layer4': each(({ layer4 }) => layer4),
    'error.type': ['dissection', 'connection', 'timeout', 'pair-not-found'],
    'src.resolutionMechanism': MECHANISMS,
    'dst.resolutionMechanism': MECHANISMS,
    'src.workload.kind': WORKLOADS,
    'dst.workload.kind': WORKLOADS,
    'request.method': ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'CONNECT'],
    'response.status': [
      '200',
      '201',
      '204',
      '301',
      '302',
      '304',
      '400',
      '401',
      '403',
      '404',
      '429',
      '500',
      '502',
      '503',
      '504',
    ],
  }
}

function kflWords(
  protocols: readonly DescribedProtocol[],
  macros: Readonly<Record<string, string>>,
): readonly Completion[] {
  const descriptors = protocols.flatMap((each) => each.protocols)
  const own = Object.entries(kflMacros).map(([label, [field, ...values]]) => {
    const meant = descriptors.filter((each) => values.includes(each[field]))
    return word(label, `Entries of ${distinct(meant.map(({ longName }) => longName)).join(', ')}`, {
      protocols: distinct(meant.map(({ abbr }) => abbr)),
    })
  })
  const custom = Object.entries(macros).map(([label, text]) => word(label, text))
  return [
    ...own,
    ...custom,
    ...wordsOf('helper', KFL_HELPERS),
    ...wordsOf('method', KFL_METHODS),
    ...wordsOf('keyword', KFL_KEYWORDS),
    ...wordsOf('operator', KFL_OPERATORS),
  ]
}

function word(label: string, doc: string, more: Partial<Completion> = {}): Completion {
  return { label, kind: 'word', type: 'boolean', doc, protocols: [], values: [], example: label, ...more }
}

function wordsOf(kind: Completion['kind'], words: Readonly<Record<string, Word>>): readonly Completion[] {
  return Object.entries(words).map(([label, { doc, example }]) => ({
    label,
    kind,
    type: '',
    doc,
    protocols: [],
    values: [],
    example,
  }))
}

/** Those that entries have something for; what is a field is explained as that. */
function celVariables(
  fields: ReadonlyMap<string, Completion>,
  protocols: readonly DescribedProtocol[],
): readonly Completion[] {
  const ofProtocol = new Map<string, ReadonlyMap<string, Completion>>()
  for (const { name } of protocols.flatMap((each) => each.protocols))
    if (!ofProtocol.has(name)) ofProtocol.set(name, fieldsOf(those(protocols, name)))
  return Object.entries(VARIABLES).flatMap(([label, { path = '', doc, type, protocols: names = [] }]) => {
    const field = names.map((name) => ofProtocol.get(name)?.get(path)).find(Boolean) ?? fields.get(path)
    if (field === undefined && doc === undefined) return []
    const badges = distinct(
      names.flatMap((name) =>
        those(protocols, name).flatMap((each) => each.protocols.map(({ abbr }) => abbr)),
      ),
    )
    return [
      {
        label,
        kind: isFlag(label, type) ? 'word' : 'field',
        type: type ?? field?.type ?? '',
        doc: doc ?? field?.doc ?? '',
        protocols: badges.length > 0 ? badges : (field?.protocols ?? []),
        values: field?.values ?? [],
      } satisfies Completion,
    ]
  })
}

function those(protocols: readonly DescribedProtocol[], name: string): readonly DescribedProtocol[] {
  return protocols.filter((each) => each.protocols.some((descriptor) => descriptor.name === name))
}

const isFlag = (label: string, type: string | undefined) => type === 'boolean' && label !== 'has_pcap'

/** `src.name`, `request.headers`: what is in those variables that are objects. */
function celMembers(fields: ReadonlyMap<string, Completion>): readonly Completion[] {
  const ends = ['src', 'dst'].flatMap((end) =>
    Object.keys(END_MEMBERS).flatMap((name) => endMembers(`${end}.${name}`, name, fields)),
  )
  const whole = [...fields.values()].filter(({ label }) => {
    const [first = '', ...rest] = label.split('.')
    return rest.length > 0 && !(first in MADE_ANEW) && Object.hasOwn(VARIABLES, first)
  })
  return [...ends, ...whole]
}

function endMembers(
  label: string,
  name: string,
  fields: ReadonlyMap<string, Completion>,
): readonly Completion[] {
  const field = (path: string, type: string, doc: string): Completion => ({
    label: path,
    kind: 'field',
    type,
    doc,
    protocols: [],
    values: [],
  })
  if (name === 'pod' || name === 'service')
    return [
      field(`${label}.name`, 'string', `Name of the Kubernetes ${name}; "" when unknown`),
      field(`${label}.namespace`, 'string', `Namespace of the Kubernetes ${name}; "" when unknown`),
    ]
  if (name === 'workload')
    return [
      field(`${label}.kind`, 'string', 'What has made the pod: Deployment, StatefulSet …'),
      field(`${label}.name`, 'string', 'Its name'),
    ]
  if (name === 'node') return [field(label, 'string', 'Kubernetes node; "" when unknown')]
  if (name === 'dns') return [field(label, 'string', 'Name, where DNS told it')]
  return [field(label, name === 'port' ? 'number' : 'string', fields.get(label)?.doc ?? '')]
}

function celWords(): readonly Completion[] {
  const functions = Object.entries(CEL_FUNCTIONS)
  const taken = (isMethod: boolean) =>
    Object.fromEntries(functions.filter(([, each]) => each.isMethod === isMethod))
  return [
    ...wordsOf('helper', taken(false)),
    ...wordsOf('method', { ...taken(true), ...CEL_MACROS }),
    ...wordsOf('operator', CEL_OPERATORS),
  ]
}

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)]
}

/** Objects with members of their own names in CEL. */
const MADE_ANEW = { src: true, dst: true }
/** Said of fields that are of no use to people. */
const INTERNAL = 'Internal'
const PATH = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/
