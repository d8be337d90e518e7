import type { Config } from '../../config/index.ts'
import { accessInCluster } from '../../kubernetes/access.ts'
import { KubernetesClient } from '../../kubernetes/client.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { Note } from '../../node/note.ts'

/** A client of the cluster that the configuration means; undefined where it means none. */
export async function openKubernetes(
  { kubernetes: { enabled } }: Config,
  note: Note,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<KubernetesClient | undefined> {
  if (enabled === 'off') return undefined
  if (enabled === 'auto' && environment.KUBERNETES_SERVICE_HOST === undefined) return undefined
  try {
    return new KubernetesClient(await accessInCluster(environment))
  } catch (error) {
    if (enabled === 'on' || !(error instanceof Mistake)) throw error
    note('warning', 'pods and services stay without names', { error: error.message, hint: error.hint })
    return undefined
  }
}
