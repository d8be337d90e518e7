import type { Pod } from '../cluster/objects.ts'

/** A pod as programs follow it, with nothing but what a test names. */
export function podNamed(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  more: { readonly spec?: object; readonly status?: object } = {},
): Pod {
  return {
    metadata: {
      ...{ name, namespace, uid: `${namespace}/${name}`, resourceVersion: '1' },
      ...{ labels: {}, annotations: {}, ownerReferences: [] },
    },
    spec: { containers: [], ...more.spec },
    status: {
      ...{ podIPs: [], hostIPs: [], conditions: [] },
      ...{ containerStatuses: [], initContainerStatuses: [], ephemeralContainerStatuses: [] },
      ...more.status,
    },
  }
}
