/** Where a process runs, by its control group. */
export interface Placement {
  /** Path of the group; "" for the root. */
  readonly cgroupId: string
  /** Of 64 hexadecimal digits; "" outside of containers. */
  readonly containerId: string
  /** Of the pod in Kubernetes; "" outside of pods. */
  readonly podUid: string
}

/**
 * What `/proc/<pid>/cgroup` says (cgroups(7)): of version 2 one line, of version 1 one for each controller. Container runtimes name
 * groups after containers: containerd `cri-containerd-<id>.scope`, CRI-O `crio-<id>.scope`, Docker `docker-<id>.scope` and
 * `/docker/<id>`, Podman `libpod-<id>.scope`; the kubelet groups them under `pod<uid>`, with `_` for `-` where systemd does it.
 */
export function placementOf(text: string): Placement {
  const paths = text.split('\n').flatMap((line) => /^\d+:[^:]*:(\/.*)$/.exec(line)?.[1] ?? [])
  // Version 1 has some controllers that no runtime uses.
  const path = paths.find((each) => CONTAINER.test(each)) ?? paths[0] ?? ''
  return {
    cgroupId: path === '/' ? '' : path,
    containerId: CONTAINER.exec(path)?.[1] ?? '',
    podUid: (POD.exec(path)?.[1] ?? '').replaceAll('_', '-'),
  }
}

/** The innermost one. */
const CONTAINER = /^.*(?<![\da-f])([\da-f]{64})(?![\da-f])/
const POD = /pod([\da-f]{8}(?:[-_][\da-f]{4}){3}[-_][\da-f]{12})(?![\da-f])/
