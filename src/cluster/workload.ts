import type { Workload } from '../entry/identity.ts'
import type { Metadata } from './objects.ts'

/**
 * What a person would say has made a pod: the Deployment behind a ReplicaSet, the CronJob behind a Job, else its controller.
 * Neither is followed, so names tell: a ReplicaSet of a Deployment is called `<deployment>-<pod-template-hash>`, a Job of a
 * CronJob `<cron job>-<minutes since the epoch>`.
 *
 * https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#pod-template-hash-label
 */
export function workloadOf({ ownerReferences, labels }: Metadata): Workload | null {
  const owner = ownerReferences.find(({ controller }) => controller === true) ?? ownerReferences[0]
  if (owner === undefined) return null
  const { kind, name } = owner
  const hash = labels['pod-template-hash'] ?? ''
  if (kind === 'ReplicaSet' && hash !== '' && name.endsWith(`-${hash}`))
    return { kind: 'Deployment', name: name.slice(0, -hash.length - 1) }
  const scheduled = kind === 'Job' ? SCHEDULED.exec(name)?.[1] : undefined
  return scheduled === undefined ? { kind, name } : { kind: 'CronJob', name: scheduled }
}

/** Eight digits until the year 2160. */
const SCHEDULED = /^(.+)-\d{8}$/
