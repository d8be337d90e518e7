import { isDeepStrictEqual } from 'node:util'
import { pruned, schemaCauses, unknownFields } from './custom-resources.ts'
import { withDefaults } from './defaults.ts'
import { apiVersionOf, qualified, type ResourceKind } from './kinds.ts'
import { applied, updated } from './managed-fields.ts'
import { type FakeObject, type Json, listOf, recordOf, textOf, timestamp } from './object.ts'
import { jsonPatch, mergePatch, strategicMergePatch } from './patch.ts'
import {
  alreadyExists,
  badRequest,
  conflict,
  invalid,
  MODIFIED,
  notFound,
  Refusal,
  success,
  unsupportedMediaType,
} from './status.ts'
import type { Storage } from './storage.ts'
import { checkKind, validate } from './validation.ts'

/** Where a request goes. */
export interface Target {
  readonly kind: ResourceKind
  readonly namespace: string
  readonly name: string
  readonly subresource: string
}

export interface WriteOptions {
  readonly isDryRun: boolean
  readonly fieldManager: string
  readonly force: boolean
  /** Whether fields that are not known are refused, and not dropped. */
  readonly isStrict: boolean
  /** Whether it is known already who owns which field. */
  readonly isApply?: boolean
}

/** A webhook or plugin that says no: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/ */
export type Admission = (
  operation: 'CREATE' | 'UPDATE' | 'DELETE',
  target: Target,
  object: Json,
) => string | undefined

/** What the API server does with objects, after it has let somebody in. */
export class Resources {
  readonly #storage: Storage
  readonly #now: () => number
  readonly #kinds: () => readonly ResourceKind[]
  /** Says why something is not admitted. */
  admission: Admission = () => undefined

  constructor(storage: Storage, kinds: () => readonly ResourceKind[], now: () => number) {
    this.#storage = storage
    this.#kinds = kinds
    this.#now = now
  }

  get({ kind, namespace, name }: Target): FakeObject {
    const object = this.#storage.get(kind, namespace, name)
    if (object === undefined) throw notFound(kind, name)
    return object
  }

  create(target: Target, body: Json, options: WriteOptions): FakeObject {
    const { kind, namespace } = target
    checkKind(kind, body)
    checkNamespace(target, body)
    const given = recordOf(body.metadata)
    const name = textOf(given.name) || this.#generated(given.generateName)
    if (name === '')
      throw invalid(kind, '', [
        {
          reason: 'FieldValueRequired',
          field: 'metadata.name',
          message: 'Required value: name or generateName is required',
        },
      ])
    if (textOf(given.resourceVersion) !== '')
      throw badRequest('resourceVersion should not be set on objects to be created')
    this.#checkInNamespace(target)
    if (this.#storage.get(kind, namespace, name) !== undefined) throw alreadyExists(kind, name)
    const {
      deletionTimestamp: _,
      deletionGracePeriodSeconds: __,
      uid: ___,
      creationTimestamp: ____,
      ...metadata
    } = given
    const { status: _____, ...content } = body
    const plain = kind.hasStatus ? content : body
    const generation = kind.hasStatus && recordOf(plain.spec) === plain.spec ? { generation: 1 } : {}
    const wanted = withDefaults(
      kind,
      { ...plain, kind: kind.kind, metadata: { ...metadata, name, ...generation } },
      true,
    )
    return this.#keep({ ...target, name }, wanted, undefined, options)
  }

  update(target: Target, body: Json, options: WriteOptions): FakeObject {
    const old = this.get(target)
    checkKind(target.kind, body)
    checkNamespace(target, body)
    const { name, resourceVersion, uid } = recordOf(body.metadata)
    if (name !== target.name)
      throw badRequest(
        `the name of the object (${textOf(name)}) does not match the name on the URL (${target.name})`,
      )
    if (textOf(resourceVersion) === '' && needsVersion(target.kind))
      throw invalid(target.kind, target.name, [
        {
          reason: 'FieldValueInvalid',
          field: 'metadata.resourceVersion',
          message: 'Invalid value: 0: must be specified for an update',
        },
      ])
    if (textOf(resourceVersion) !== '' && resourceVersion !== old.metadata.resourceVersion)
      throw conflict(target.kind, target.name, MODIFIED)
    if (textOf(uid) !== '' && uid !== old.metadata.uid)
      throw conflict(
        target.kind,
        target.name,
        `Precondition failed: UID in precondition: ${textOf(uid)}, UID in object meta: ${old.metadata.uid}`,
      )
    return this.#replace(target, old, body, options)
  }

  /** By its media type. */
  patch(target: Target, type: string, patch: unknown, options: WriteOptions): FakeObject {
    if (type === APPLY) return this.#apply(target, recordOf(patch), options)
    const old = this.get(target)
    const wanted = patched(target.kind, old, type, patch)
    const { name, resourceVersion } = recordOf(wanted.metadata)
    if (name !== target.name)
      throw badRequest(
        `the name of the object (${textOf(name)}) does not match the name on the URL (${target.name})`,
      )
    if (resourceVersion !== old.metadata.resourceVersion && textOf(resourceVersion) !== '')
      throw conflict(target.kind, target.name, MODIFIED)
    checkKind(target.kind, wanted)
    return this.#replace(target, old, wanted, options)
  }

  /** What is gone at once is told by a status; else the object, which waits for its finalizers or its end. */
  delete(target: Target, body: Json, options: WriteOptions): Json {
    const old = this.get(target)
    const { kind, namespace, name } = target
    const wanted = recordOf(body.preconditions)
    if (wanted.uid !== undefined && wanted.uid !== old.metadata.uid)
      throw conflict(
        kind,
        name,
        `the UID in the precondition (${textOf(wanted.uid)}) does not match the UID in record (${old.metadata.uid}). The object might have been deleted and then recreated`,
      )
    if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== old.metadata.resourceVersion)
      throw conflict(
        kind,
        name,
        `the ResourceVersion in the precondition (${textOf(wanted.resourceVersion)}) does not match the ResourceVersion in record (${old.metadata.resourceVersion}). The object might have been modified`,
      )
    this.#admit('DELETE', target, old)
    const seconds = gracePeriod(kind, old, body)
    const isWaiting = listOf(old.metadata.finalizers).length > 0 || seconds > 0
    if (options.isDryRun) return isWaiting ? old : success(kind, name, old.metadata.uid)
    if (body.propagationPolicy === 'Orphan' || body.orphanDependents === true) this.#orphan(old.metadata.uid)
    if (isWaiting) {
      if (old.metadata.deletionTimestamp !== undefined && !shortens(old, seconds)) return old
      const deletionTimestamp = timestamp(this.#now() + seconds * 1000)
      const metadata = { ...old.metadata, deletionTimestamp, deletionGracePeriodSeconds: seconds }
      return this.#storage.put(kind, namespace, name, { ...old, metadata })
    }
    if (kind.resource === 'namespaces' && kind.group === '') this.#empty(name)
    this.#storage.remove(kind, namespace, name)
    return success(kind, name, old.metadata.uid)
  }

  /** Server-side apply, which also creates. */
  #apply(target: Target, config: Json, options: WriteOptions): FakeObject {
    const { kind, namespace, name } = target
    if (options.fieldManager === '')
      throw badRequest(
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      )
    checkKind(kind, config)
    checkNamespace(target, config)
    const given = recordOf(config.metadata)
    if (given.managedFields !== undefined && given.managedFields !== null)
      throw badRequest('metadata.managedFields must be nil')
    if (given.name !== undefined && given.name !== name)
      throw badRequest(
        `the name of the object (${textOf(given.name)}) does not match the name on the URL (${name})`,
      )
    const old = this.#storage.get(kind, namespace, name)
    if (old === undefined && target.subresource !== '') throw notFound(kind, name)
    const wanted = applied(old, config, this.#manager(target, options), options.force)
    if (old !== undefined) return this.#replace(target, old, wanted, options, true)
    const { uid: _, resourceVersion: __, ...metadata } = recordOf(wanted.metadata)
    return this.create(
      { ...target, name: '' },
      { ...wanted, metadata: { ...metadata, name } },
      { ...options, isApply: true },
    )
  }

  #manager({ kind, subresource }: Target, { fieldManager }: WriteOptions) {
    const time = timestamp(this.#now())
    return { manager: fieldManager || 'unknown', apiVersion: apiVersionOf(kind), time, subresource }
  }

  #replace(
    target: Target,
    old: FakeObject,
    wanted: Json,
    options: WriteOptions,
    isApply = false,
  ): FakeObject {
    const { kind, subresource } = target
    if (subresource !== '') {
      // Only the status changes, and what says who did it.
      const { status } = wanted
      const metadata = isApply ? { managedFields: recordOf(wanted.metadata).managedFields } : {}
      const next = {
        ...old,
        ...(status === undefined ? {} : { status }),
        metadata: { ...old.metadata, ...metadata },
      }
      return this.#keep(target, next, old, { ...options, isApply })
    }
    const { status: _, ...plain } = wanted
    const content = kind.hasStatus
      ? { ...plain, ...(old.status === undefined ? {} : { status: old.status }) }
      : wanted
    const given = recordOf(content.metadata)
    const { generation, deletionTimestamp, deletionGracePeriodSeconds } = old.metadata
    const fixed = {
      uid: old.metadata.uid,
      creationTimestamp: old.metadata.creationTimestamp,
      resourceVersion: old.metadata.resourceVersion,
      ...(generation === undefined ? {} : { generation }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp, deletionGracePeriodSeconds }),
    }
    const { deletionTimestamp: _d, deletionGracePeriodSeconds: _g, namespace: _n, ...metadata } = given
    const next = withDefaults(
      kind,
      {
        ...content,
        metadata: { ...metadata, ...(kind.namespaced ? { namespace: target.namespace } : {}), ...fixed },
      },
      false,
    )
    if (generation === undefined || isDeepStrictEqual(next.spec, old.spec))
      return this.#keep(target, next, old, { ...options, isApply })
    const counted = { ...recordOf(next.metadata), generation: Number(generation) + 1 }
    return this.#keep(target, { ...next, metadata: counted }, old, { ...options, isApply })
  }

  #keep(target: Target, wanted: Json, old: FakeObject | undefined, options: WriteOptions): FakeObject {
    const { kind, namespace, name } = target
    const content = kind.schema === undefined ? wanted : bySchema(target, kind.schema, wanted, options)
    // What was put there past us lacks what we fill in.
    const before = old === undefined ? undefined : withDefaults(kind, old, false)
    validate(kind, name, withDefaults(kind, content, false), before)
    this.#admit(old === undefined ? 'CREATE' : 'UPDATE', target, content)
    const owned = options.isApply ? content : updated(old, content, this.#manager(target, options))
    const prepared = this.#storage.prepared(kind, namespace, name, sameOwners(owned, old))
    // What changes nothing is no change: the version stays.
    if (options.isDryRun || (old !== undefined && isDeepStrictEqual(prepared, old))) return prepared
    const { deletionTimestamp, finalizers, deletionGracePeriodSeconds } = prepared.metadata
    if (
      deletionTimestamp !== undefined &&
      listOf(finalizers).length === 0 &&
      deletionGracePeriodSeconds === 0
    ) {
      this.#storage.put(kind, namespace, name, prepared)
      return this.#storage.remove(kind, namespace, name) ?? prepared
    }
    return this.#storage.put(kind, namespace, name, prepared)
  }

  #admit(operation: 'CREATE' | 'UPDATE' | 'DELETE', target: Target, object: Json): void {
    const why = this.admission(operation, target, object)
    if (why === undefined) return
    const { kind, name } = target
    throw new Refusal(403, 'Forbidden', `${qualified(kind)} "${name}" is forbidden: ${why}`, {
      name,
      kind: kind.resource,
    })
  }

  #checkInNamespace({ kind, namespace, name }: Target): void {
    if (!kind.namespaced) return
    const namespaces = this.#kinds().find(({ resource, group }) => resource === 'namespaces' && group === '')
    const found = namespaces === undefined ? undefined : this.#storage.get(namespaces, '', namespace)
    if (found === undefined && namespaces !== undefined) throw notFound(namespaces, namespace)
    if (found?.metadata.deletionTimestamp !== undefined)
      throw new Refusal(
        403,
        'Forbidden',
        `${qualified(kind)} "${name}" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
        {
          name,
          kind: kind.resource,
          causes: [
            {
              reason: 'NamespaceTerminating',
              message: `namespace ${namespace} is being terminated`,
              field: 'metadata.namespace',
            },
          ],
        },
      )
  }

  /** All that is in a namespace goes with it. */
  #empty(namespace: string): void {
    for (const kind of this.#kinds())
      if (kind.namespaced)
        for (const { metadata } of this.#storage.list(kind, namespace))
          this.#storage.remove(kind, namespace, metadata.name)
  }

  #orphan(uid: string): void {
    for (const kind of this.#kinds())
      for (const object of this.#storage.list(kind)) {
        const owners = listOf(object.metadata.ownerReferences)
        const left = owners.filter((owner) => recordOf(owner).uid !== uid)
        if (left.length < owners.length)
          this.#storage.put(kind, object.metadata.namespace ?? '', object.metadata.name, {
            ...object,
            metadata: { ...object.metadata, ownerReferences: left },
          })
      }
  }

  #generated(prefix: unknown): string {
    if (textOf(prefix) === '') return ''
    const letters = Array.from({ length: 5 }, () => ALPHABET[Math.floor(Math.random() * ALPHABET.length)])
    return `${textOf(prefix).slice(0, 58)}${letters.join('')}`
  }
}

/** Without it most built-in kinds are replaced whatever is there (`AllowUnconditionalUpdate` of their strategies). */
function needsVersion({ isCustom, resource }: ResourceKind): boolean {
  return isCustom || resource === 'leases' || resource === 'customresourcedefinitions'
}

function patched(kind: ResourceKind, old: FakeObject, type: string, patch: unknown): Json {
  switch (type) {
    case 'application/json-patch+json':
      return jsonPatch(old, patch)
    case 'application/merge-patch+json':
      return mergePatch(old, recordOf(patch)) as Json
    case 'application/strategic-merge-patch+json':
      if (!kind.isCustom) return strategicMergePatch(old, recordOf(patch))
  }
  throw unsupportedMediaType(PATCH_TYPES.filter((each) => !kind.isCustom || !each.includes('strategic')))
}

/** Where nothing else changes, the times of those who own fields do not either. */
function sameOwners(wanted: Json, old: FakeObject | undefined): Json {
  if (old === undefined) return wanted
  const timeless = (metadata: Json) =>
    listOf(metadata.managedFields).map((each) => ({ ...recordOf(each), time: '' }))
  const metadata = recordOf(wanted.metadata)
  if (!isDeepStrictEqual(timeless(metadata), timeless(old.metadata))) return wanted
  const { managedFields } = old.metadata
  return { ...wanted, metadata: { ...metadata, ...(managedFields === undefined ? {} : { managedFields }) } }
}

/** A custom resource without what its schema does not know; throws what is wrong in the rest. */
function bySchema({ kind, name }: Target, schema: Json, wanted: Json, options: WriteOptions): Json {
  const { apiVersion, kind: own, metadata, ...content } = wanted
  const unknown = unknownFields(content, schema)
  if (options.isStrict && unknown.length > 0)
    throw badRequest(
      `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: strict decoding error: ${unknown.map((field) => `unknown field "${field}"`).join(', ')}`,
    )
  const left = pruned(content, schema) as Json
  const causes = schemaCauses(left, schema)
  if (causes.length > 0) throw invalid(kind, name, causes)
  return { apiVersion, kind: own, metadata, ...left }
}

function checkNamespace({ kind, namespace }: Target, body: Json): void {
  const given = textOf(recordOf(body.metadata).namespace)
  if (given !== '' && kind.namespaced && given !== namespace)
    throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`)
}

/** Pods end in their own time, once they are on a node. */
function gracePeriod(kind: ResourceKind, old: FakeObject, body: Json): number {
  if (kind.resource !== 'pods' || kind.group !== '') return 0
  const spec = recordOf(old.spec)
  const phase = recordOf(old.status).phase
  if (textOf(spec.nodeName) === '' || phase === 'Succeeded' || phase === 'Failed') return 0
  return Number(body.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30)
}

function shortens(old: FakeObject, seconds: number): boolean {
  return seconds < Number(old.metadata.deletionGracePeriodSeconds ?? 0)
}

const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
]
const APPLY = 'application/apply-patch+yaml'
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'
