import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import type protobuf from 'protobufjs'
import type {} from 'protobufjs/ext/descriptor.js'
import type { ProtoField, ProtoMessage, ProtoMethod, ProtoSchema } from '../dissect/protos.ts'
import { Mistake } from '../mistake/mistake.ts'

/**
 * What `tap.grpc.protos` names: .proto files, folders of them, and descriptor sets, all others. Undefined when it is
 * empty. Throws a Mistake that names the file which cannot be read.
 */
export function readProtos(paths: readonly string[], cwd: string): ProtoSchema | undefined {
  if (paths.length === 0) return undefined
  const library = loadLibrary()
  const schema = new SchemaBuilder(library)
  const sources: string[] = []
  const folders: string[] = []
  for (const path of paths.map((each) => resolve(cwd, each))) {
    if (!existsSync(path)) throw new Mistake('E_PROTO_READ', `tap.grpc.protos: there is no ${path}`)
    if (statSync(path).isDirectory()) {
      folders.push(path)
      sources.push(...protosIn(path))
    } else if (path.endsWith('.proto')) sources.push(path)
    else schema.add(readSet(library, path))
  }
  // Beside the types that it has built in, the library comes with some of google/api and google/rpc.
  const common = dirname(require.resolve('protobufjs/package.json'))
  if (sources.length > 0) schema.add(readSources(library, sources, [...folders, cwd], common))
  return schema
}

const require = createRequire(import.meta.url)
type Library = typeof protobuf

/** Twenty milliseconds that most runs need not spend. */
function loadLibrary(): Library {
  require('protobufjs/ext/descriptor')
  return require('protobufjs') as Library
}

function protosIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry: Dirent) => entry.isFile() && entry.name.endsWith('.proto'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/** What `protoc --include_imports --descriptor_set_out=FILE` and `buf build -o FILE` write. */
function readSet({ Root }: Library, path: string): protobuf.Root {
  try {
    const root = Root.fromDescriptor(readFileSync(path), { keepCase: true })
    root.resolveAll()
    return root
  } catch (cause) {
    throw new Mistake('E_PROTO_READ', `${path}: ${messageOf(cause)}`, {
      hint: 'what is no .proto file is read as a descriptor set: protoc --include_imports --descriptor_set_out=FILE …',
      cause,
    })
  }
}

/**
 * Imports are looked for beside the file that has them, in `folders`, and in the `last` one. Those that are not found often have options
 * only, which matter to none of us: what is missing is missed when a type cannot be found.
 */
function readSources(
  { Root, common }: Library,
  sources: readonly string[],
  folders: readonly string[],
  last: string,
): protobuf.Root {
  const root = new Root()
  const missing: string[] = []
  root.resolvePath = (origin, target) => {
    const places = [...(origin === '' ? [] : [dirname(origin)]), ...folders, last]
    const found = places.map((folder) => resolve(folder, target)).find((place) => existsSync(place))
    if (found !== undefined || common.get(target) !== null) return found ?? target
    missing.push(`"${target}" of ${origin}`)
    return null
  }
  let at = ''
  try {
    for (at of sources) root.loadSync(at, { keepCase: true })
    root.resolveAll()
    return root
  } catch (cause) {
    const message = messageOf(cause)
    const searched = `imports are looked for in ${folders.join(', ')}: name the folder that has them in tap.grpc.protos, too`
    throw new Mistake(
      'E_PROTO_READ',
      missing.length > 0 || message.includes(at) ? message : `${at}: ${message}`,
      {
        ...(missing.length === 0 ? {} : { hint: `not found: import ${missing.join(', ')}\n${searched}` }),
        cause,
      },
    )
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

class SchemaBuilder implements ProtoSchema {
  readonly messages = new Map<string, ProtoMessage>()
  readonly enums = new Map<string, ReadonlyMap<number, string>>()
  readonly methods = new Map<string, ProtoMethod>()
  readonly #library: Library

  constructor(library: Library) {
    this.#library = library
  }

  add(namespace: protobuf.NamespaceBase): void {
    const { Type, Enum, Service, Namespace } = this.#library
    for (const inner of namespace.nestedArray) {
      if (inner instanceof Type) this.messages.set(nameOf(inner), this.#message(inner))
      else if (inner instanceof Service) this.#addMethods(inner)
      else if (inner instanceof Enum)
        this.enums.set(
          nameOf(inner),
          new Map(Object.entries(inner.valuesById).map(([id, name]) => [Number(id), name])),
        )
      if (inner instanceof Namespace || inner instanceof Type) this.add(inner)
    }
  }

  #addMethods(service: protobuf.Service): void {
    for (const { name, resolvedRequestType, resolvedResponseType } of service.methodsArray)
      this.methods.set(`/${nameOf(service)}/${name}`, {
        request: nameOf(resolvedRequestType),
        response: nameOf(resolvedResponseType),
      })
  }

  #message({ fieldsArray }: protobuf.Type): ProtoMessage {
    return new Map(
      fieldsArray.map((field) => {
        const { MapField } = this.#library
        const plain = this.#field(field)
        if (!(field instanceof MapField)) return [field.id, plain]
        const key = { ...plain, type: field.keyType as ProtoField['type'], typeName: '' }
        return [field.id, { ...key, mapValue: plain }]
      }),
    )
  }

  #field(field: protobuf.Field): ProtoField {
    const { Enum } = this.#library
    const { type, repeated, resolvedType, delimited } = field
    const isMessage = resolvedType !== null && !(resolvedType instanceof Enum)
    return {
      name: spelt(field),
      type: isMessage
        ? delimited
          ? 'group'
          : 'message'
        : resolvedType === null
          ? (type as ProtoField['type'])
          : 'enum',
      typeName: nameOf(resolvedType),
      isRepeated: repeated,
    }
  }
}

/** As in the file; the types that the library has built in are not spelt so. */
function spelt({ name, parent }: protobuf.Field): string {
  if (!nameOf(parent).startsWith('google.protobuf.')) return name
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function nameOf(object: protobuf.ReflectionObject | null): string {
  return object?.fullName.replace(/^\./, '') ?? ''
}
