import type { ResourceKind } from './kinds.ts'
import { isRecord, type Json, listOf, recordOf, textsOf } from './object.ts'

/** What the API server fills in, as far as somebody reads it back. */
export function withDefaults(kind: ResourceKind, object: Json, isNew: boolean): Json {
  if (kind.group === '' && kind.kind === 'Secret') return secret(object)
  if (kind.group === '' && kind.kind === 'Pod') return pod(object, isNew)
  if (kind.group === '' && kind.kind === 'Service') return service(object)
  if (kind.group === '' && kind.kind === 'Namespace') return namespace(object)
  if (kind.group === 'apps' && isRecord(object.spec)) return workload(object)
  if (kind.kind === 'NetworkPolicy') return networkPolicy(object)
  return object
}

function secret({ stringData, ...object }: Json): Json {
  const added = Object.entries(textsOf(stringData)).map(([key, value]) => [
    key,
    Buffer.from(value).toString('base64'),
  ])
  const data = added.length === 0 ? {} : { data: { ...recordOf(object.data), ...Object.fromEntries(added) } }
  return { type: 'Opaque', ...object, ...data }
}

function pod(object: Json, isNew: boolean): Json {
  const spec = podSpec(object.spec)
  return isNew
    ? { ...object, spec, status: { phase: 'Pending', qosClass: 'BestEffort' } }
    : { ...object, spec }
}

function podSpec(spec: unknown): Json {
  const { containers, ...rest } = recordOf(spec)
  return {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    serviceAccountName: 'default',
    schedulerName: 'default-scheduler',
    ...rest,
    ...(containers === undefined
      ? {}
      : {
          containers: Array.isArray(containers)
            ? containers.map((each) => container(recordOf(each)))
            : containers,
        }),
  }
}

function container({ ports, ...rest }: Json): Json {
  return {
    imagePullPolicy: 'IfNotPresent',
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    resources: {},
    ...rest,
    ...(Array.isArray(ports) ? { ports: ports.map((port) => ({ protocol: 'TCP', ...recordOf(port) })) } : {}),
  }
}

function service(object: Json): Json {
  const { ports, ...spec } = recordOf(object.spec)
  const filled = listOf(ports)
    .map(recordOf)
    .map((port) => ({ protocol: 'TCP', targetPort: port.port, ...port }))
  return {
    ...object,
    spec: {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      ...spec,
      ...(filled.length > 0 ? { ports: filled } : {}),
    },
  }
}

function namespace(object: Json): Json {
  const metadata = recordOf(object.metadata)
  const labels = { ...recordOf(metadata.labels), 'kubernetes.io/metadata.name': metadata.name }
  return {
    ...object,
    metadata: { ...metadata, labels },
    spec: { finalizers: ['kubernetes'], ...recordOf(object.spec) },
    status: { phase: 'Active', ...recordOf(object.status) },
  }
}

function workload(object: Json): Json {
  const { template, ...spec } = recordOf(object.spec)
  const replicas = object.kind === 'DaemonSet' ? {} : { replicas: 1 }
  const inside = recordOf(template)
  return {
    ...object,
    spec: {
      ...replicas,
      ...spec,
      ...(template === undefined ? {} : { template: { ...inside, spec: podSpec(inside.spec) } }),
    },
  }
}

function networkPolicy(object: Json): Json {
  const spec = recordOf(object.spec)
  const policyTypes = ['Ingress', ...(spec.egress === undefined ? [] : ['Egress'])]
  return { ...object, spec: { podSelector: {}, policyTypes, ...spec } }
}
