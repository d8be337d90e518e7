import * as client from '@kubernetes/client-node'
import { isRecord, listOf } from '../kube/object.ts'
import type { Manifest } from './chart.ts'

/** What is wrong with an object, by the schemas of Kubernetes: types, what is required, and fields that there are none of. */
export async function problemsOf(manifest: Manifest): Promise<readonly string[]> {
  const { apiVersion, kind, metadata } = manifest
  const where = `${kind} ${metadata.name}`
  if (apiVersion.startsWith('monitoring.coreos.com/')) return []
  const models = (await import(`kubernetes-models/${apiVersion}`)) as Record<string, Model | undefined>
  const model = models[kind]
  if (model === undefined) return [`${where}: there is no ${kind} in ${apiVersion}`]
  const problems = unknownFields(manifest, `${versionOf(apiVersion)}${kind}`, where)
  try {
    new model(manifest).validate()
    return problems
  } catch (error) {
    return [...problems, `${where}: ${(error as Error).message}`]
  }
}

/** The schemas allow any field; the classes of the client know each. */
function unknownFields(value: unknown, type: string, path: string): readonly string[] {
  const list = /^Array<(.+)>$/.exec(type)?.[1]
  if (list !== undefined)
    return listOf(value).flatMap((each, at) => unknownFields(each, list, `${path}[${at}]`))
  const fields = CLASSES[type]?.getAttributeTypeMap?.()
  if (fields === undefined || !isRecord(value)) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const field = fields.find(({ baseName }) => baseName === key)
    const here = `${path}.${key}`
    return field === undefined ? [`${here}: there is no such field`] : unknownFields(inner, field.type, here)
  })
}

/** `apps/v1` → `V1` */
function versionOf(apiVersion: string): string {
  const version = apiVersion.split('/').at(-1) ?? ''
  return version.charAt(0).toUpperCase() + version.slice(1)
}

type Model = new (data: object) => { validate(): void }
const CLASSES = client as unknown as Readonly<
  Record<
    string,
    { getAttributeTypeMap?(): readonly { readonly baseName: string; readonly type: string }[] } | undefined
  >
>
