import { type Json, listOf, recordOf, textOf } from '../kube/object.ts'
import { containersOf } from './chart.ts'

/**
 * What keeps pods from the level *restricted* of the Pod Security Standards, baseline included:
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function violations(spec: Json): readonly string[] {
  const pod = recordOf(spec.securityContext)
  const found: string[] = []
  for (const field of ['hostNetwork', 'hostPID', 'hostIPC']) if (spec[field] === true) found.push(`${field}`)
  for (const volume of listOf(spec.volumes).map(recordOf)) {
    const kinds = Object.keys(volume).filter((key) => key !== 'name')
    for (const kind of kinds) if (!VOLUMES.has(kind)) found.push(`volume ${textOf(volume.name)} is ${kind}`)
  }
  for (const sysctl of listOf(pod.sysctls).map(recordOf))
    if (!SYSCTLS.has(textOf(sysctl.name))) found.push(`sysctl ${textOf(sysctl.name)}`)
  found.push(...ofContext(pod, 'pod'))
  for (const container of containersOf(spec)) {
    const own = recordOf(container.securityContext)
    const name = textOf(container.name)
    found.push(...ofContext(own, name))
    if (own.privileged === true) found.push(`${name}: privileged`)
    if (own.allowPrivilegeEscalation !== false) found.push(`${name}: allowPrivilegeEscalation`)
    if ((own.runAsNonRoot ?? pod.runAsNonRoot) !== true) found.push(`${name}: runAsNonRoot`)
    const seccomp = textOf(recordOf(own.seccompProfile ?? pod.seccompProfile).type)
    if (seccomp !== 'RuntimeDefault' && seccomp !== 'Localhost') found.push(`${name}: seccomp ${seccomp}`)
    const { add, drop } = recordOf(own.capabilities)
    if (!listOf(drop).includes('ALL')) found.push(`${name}: capabilities are not dropped`)
    for (const each of listOf(add)) if (each !== 'NET_BIND_SERVICE') found.push(`${name}: capability ${each}`)
    if (own.procMount !== undefined && own.procMount !== 'Default') found.push(`${name}: procMount`)
    for (const { hostPort } of listOf(container.ports).map(recordOf))
      if (hostPort !== undefined && hostPort !== 0) found.push(`${name}: hostPort`)
    for (const hook of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
      const { httpGet, tcpSocket } = recordOf(container[hook])
      for (const each of [httpGet, tcpSocket])
        if (recordOf(each).host !== undefined) found.push(`${name}: ${hook} has a host`)
    }
  }
  return found
}

/** What pods and containers may both say. */
function ofContext(context: Json, where: string): readonly string[] {
  const found: string[] = []
  if (context.runAsUser === 0) found.push(`${where}: runAsUser 0`)
  if (recordOf(context.windowsOptions).hostProcess === true) found.push(`${where}: hostProcess`)
  const { type, user, role } = recordOf(context.seLinuxOptions)
  if (type !== undefined && !SELINUX.has(textOf(type))) found.push(`${where}: SELinux type`)
  if (user !== undefined || role !== undefined) found.push(`${where}: SELinux user or role`)
  const appArmor = recordOf(context.appArmorProfile).type
  if (appArmor === 'Unconfined') found.push(`${where}: AppArmor`)
  if (recordOf(context.seccompProfile).type === 'Unconfined') found.push(`${where}: seccomp Unconfined`)
  return found
}

const VOLUMES = new Set([
  ...['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected'],
  'secret',
])
const SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
])
const SELINUX = new Set(['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'])
