import { qualified, type ResourceKind } from './kinds.ts'
import type { Json } from './object.ts'

/** What is wrong with one field of an object. */
export interface Cause {
  readonly reason:
    | 'FieldValueInvalid'
    | 'FieldValueRequired'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueDuplicate'
    | 'FieldValueNotSupported'
    | 'FieldManagerConflict'
    | 'ResourceVersionTooLarge'
    | 'FieldValueTypeInvalid'
  readonly message: string
  readonly field?: string
}

/** A request that is not done. Words and reasons are those of k8s.io/apimachinery/pkg/api/errors. */
export class Refusal extends Error {
  readonly code: number
  readonly reason: string
  readonly details: Json | undefined

  constructor(code: number, reason: string, message: string, details?: Json) {
    super(message)
    this.code = code
    this.reason = reason
    this.details = details
  }

  get status(): Json {
    return failure(this.code, this.reason, this.message, this.details)
  }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export function failure(code: number, reason: string, message: string, details?: Json): Json {
  const about = details === undefined ? {} : { details }
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...about,
    code,
  }
}

export function success(kind: ResourceKind, name: string, uid: string): Json {
  const details = { name, ...groupOf(kind), kind: kind.resource, uid }
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }
}

export function badRequest(message: string): Refusal {
  return new Refusal(400, 'BadRequest', message)
}

export function noSuchPath(): Refusal {
  return new Refusal(404, 'NotFound', 'the server could not find the requested resource', {})
}

export function notFound(kind: ResourceKind, name: string): Refusal {
  const details = { name, ...groupOf(kind), kind: kind.resource }
  return new Refusal(404, 'NotFound', `${qualified(kind)} "${name}" not found`, details)
}

export function alreadyExists(kind: ResourceKind, name: string): Refusal {
  const details = { name, ...groupOf(kind), kind: kind.resource }
  return new Refusal(409, 'AlreadyExists', `${qualified(kind)} "${name}" already exists`, details)
}

export function conflict(kind: ResourceKind, name: string, why: string): Refusal {
  const details = { name, ...groupOf(kind), kind: kind.resource }
  const message = `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`
  return new Refusal(409, 'Conflict', message, details)
}

export const MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again'

export function invalid(kind: ResourceKind, name: string, causes: readonly Cause[]): Refusal {
  const said = causes.map(({ field, message }) => `${field ?? '<nil>'}: ${message}`)
  const all = said.length === 1 ? said[0] : `[${said.join(', ')}]`
  const title = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`
  const details = { name, ...groupOf(kind), kind: kind.kind, causes }
  return new Refusal(422, 'Invalid', `${title} "${name}" is invalid: ${all}`, details)
}

export function methodNotAllowed(): Refusal {
  return new Refusal(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  )
}

export function expired(message: string): Refusal {
  return new Refusal(410, 'Expired', message)
}

export function unsupportedMediaType(accepted: readonly string[]): Refusal {
  return new Refusal(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  )
}

function groupOf({ group }: ResourceKind): Json {
  return group === '' ? {} : { group }
}
