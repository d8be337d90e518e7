/**
 * How lists of built-in kinds are merged: the patch strategies and list types of k8s.io/api, for the fields that are used. A key of
 * "" is a set of plain values. What is not named here is replaced as a whole.
 */
interface ListType {
  /** End of the path of the list: `containers`, or `template.spec.containers`. */
  readonly field: string
  /** Of strategic merges. */
  readonly mergeKey: string
  /** Of server-side apply. */
  readonly mapKeys: readonly string[]
}

const LISTS: readonly ListType[] = [
  list('initContainers', 'name'),
  list('ephemeralContainers', 'name'),
  list('containers', 'name'),
  list('containers.ports', 'containerPort', 'containerPort', 'protocol'),
  list('initContainers.ports', 'containerPort', 'containerPort', 'protocol'),
  list('spec.ports', 'port', 'port', 'protocol'),
  list('env', 'name'),
  list('volumeMounts', 'mountPath'),
  list('volumeDevices', 'devicePath'),
  list('volumes', 'name'),
  list('imagePullSecrets', 'name'),
  list('secrets', 'name'),
  list('hostAliases', 'ip'),
  list('topologySpreadConstraints', 'topologyKey', 'topologyKey', 'whenUnsatisfiable'),
  list('status.conditions', 'type'),
  list('status.podIPs', 'ip'),
  list('status.hostIPs', 'ip'),
  list('status.addresses', 'type'),
  list('metadata.ownerReferences', 'uid'),
  list('metadata.finalizers', ''),
]

function list(field: string, mergeKey: string, ...mapKeys: readonly string[]): ListType {
  return { field, mergeKey, mapKeys: mapKeys.length > 0 ? mapKeys : mergeKey === '' ? [] : [mergeKey] }
}

/** Undefined: replaced as a whole. */
export function mergeKeyOf(path: string): string | undefined {
  return typeAt(path)?.mergeKey
}

/** Keys that tell the elements of a list apart in server-side apply; none: a set of plain values. Undefined: atomic. */
export function mapKeysOf(path: string): readonly string[] | undefined {
  return typeAt(path)?.mapKeys
}

/** The longest that fits. */
function typeAt(path: string): ListType | undefined {
  return LISTS.filter(({ field }) => path === field || path.endsWith(`.${field}`)).sort(
    (a, b) => b.field.length - a.field.length,
  )[0]
}
