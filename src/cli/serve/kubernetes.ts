import type { Config } from '../../config/index.ts'
import { accessInCluster, type KubernetesAccess } from '../../kubernetes/access.ts'
import { KubernetesClient } from '../../kubernetes/client.ts'
import { accessByKubeconfig } from '../../kubernetes/kubeconfig.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { Note } from '../../node/note.ts'

/** A client of the cluster that the configuration means; undefined where it means none. */
export async function openKubernetes(
  config: Config,
  note: Note,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<KubernetesClient | undefined> {
  const { enabled } = config.kubernetes
  if (!expectsCluster(config, environment)) return undefined
  try {
    return new KubernetesClient(await kubernetesAccess(config, environment), {
      onClockSkew: (skewMs) =>
        note('warning', 'the clock of the Kubernetes API server is another one', {
          aheadMs: Math.round(skewMs),
          hint: 'Names of addresses that are used again and times of pods are off by as much: keep clocks by NTP.',
        }),
    })
  } catch (error) {
    if (enabled === 'on' || !(error instanceof Mistake)) throw error
    note('warning', 'pods and services stay without names', { error: error.message, hint: error.hint })
    return undefined
  }
}

/** Whether there should be a cluster, by what stands in the configuration and around it. */
export function expectsCluster(
  config: Config,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  const { enabled } = config.kubernetes
  if (enabled !== 'auto') return enabled === 'on'
  return isNamed(config) || environment.KUBERNETES_SERVICE_HOST !== undefined
}

/** By the kubeconfig that the configuration names, or else as the pod that we are in. */
export async function kubernetesAccess(
  config: Config,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<KubernetesAccess> {
  const { kubeconfig, context } = config.kubernetes
  if (!isNamed(config)) return accessInCluster(environment)
  return accessByKubeconfig({ file: kubeconfig || undefined, context: context || undefined, environment })
}

function isNamed({ kubernetes: { kubeconfig, context } }: Config): boolean {
  return kubeconfig !== '' || context !== ''
}
