import type { ChildProcess } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CoreV1Api, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node'
import type { Lab } from './lab.ts'

export interface PodWanted {
  readonly name: string
  readonly namespace: string
  readonly node: string
  readonly address: string
  readonly labels?: Readonly<Record<string, string>>
}

/**
 * What nodes do for pods: gives them a network and a program, and tells the API server of them, when a kubelet would: the address a
 * while after the program has begun, and that a pod is gone after it is gone.
 */
export class Kubelet {
  readonly #lab: Lab
  readonly #core: CoreV1Api
  readonly #folder: string
  readonly #nodes = new Map<string, string>()
  readonly #running = new Map<string, ChildProcess>()

  constructor(lab: Lab, core: CoreV1Api, folder: string) {
    this.#lab = lab
    this.#core = core
    this.#folder = folder
  }

  async addNode(name: string, address: string, podCIDR: string): Promise<void> {
    this.#nodes.set(name, address)
    const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' }
    await this.#core.createNode({
      body: { metadata: { name, labels }, spec: { podCIDR, podCIDRs: [podCIDR] } },
    })
    const status = {
      addresses: [
        { type: 'InternalIP', address },
        { type: 'Hostname', address: name },
      ],
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    }
    await this.#core.patchNodeStatus({ name, body: { status } }, MERGE)
  }

  /** A pod with an nginx that says which pod it is in a header, once the API server has been told of its address. */
  async runServer(pod: PodWanted): Promise<void> {
    await this.#create(pod)
    this.#lab.pod(pod.name, pod.node, pod.address)
    this.#running.set(pod.name, this.#lab.start(pod.name, this.#nginx(pod)))
    await this.#report(pod)
  }

  /** A pod that runs a command, and its output. */
  async runProgram(pod: PodWanted, command: readonly string[]): Promise<ChildProcess> {
    await this.#create(pod)
    this.#lab.pod(pod.name, pod.node, pod.address)
    const child = this.#lab.start(pod.name, command)
    this.#running.set(pod.name, child)
    await this.#report(pod)
    return child
  }

  /** First its program goes, then its network, and then the API server hears that nothing is left. */
  async remove({ name, namespace }: PodWanted): Promise<void> {
    await this.#core.deleteNamespacedPod({ name, namespace, gracePeriodSeconds: 1 })
    this.#lab.remove(name)
    this.#running.delete(name)
    await this.#core
      .deleteNamespacedPod({ name, namespace, gracePeriodSeconds: 0 })
      .catch((error: { readonly code?: unknown }) => {
        if (error.code !== 404) throw error
      })
  }

  async #create({ name, namespace, node, labels = {} }: PodWanted): Promise<void> {
    await this.#core.createNamespacedPod({
      namespace,
      body: {
        metadata: { name, labels: { ...labels } },
        spec: {
          nodeName: node,
          containers: [{ name: 'main', image: 'drill', ports: [{ containerPort: 80 }] }],
        },
      },
    })
    const status = { phase: 'Pending', startTime: now(), hostIP: this.#nodes.get(node) }
    await this.#core.patchNamespacedPodStatus({ name, namespace, body: { status } }, MERGE)
  }

  async #report({ name, namespace, node, address }: PodWanted): Promise<void> {
    const hostIP = this.#nodes.get(node)
    const status = {
      ...{ phase: 'Running', hostIP, hostIPs: [{ ip: hostIP }], podIP: address, podIPs: [{ ip: address }] },
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [
        {
          ...{ name: 'main', image: 'drill', imageID: '', ready: true, started: true, restartCount: 0 },
          state: { running: { startedAt: now() } },
        },
      ],
    }
    await this.#core.patchNamespacedPodStatus({ name, namespace, body: { status } }, MERGE)
  }

  #nginx({ name, namespace }: PodWanted): string[] {
    const folder = join(this.#folder, name)
    mkdirSync(folder, { recursive: true })
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (each) => `${each}_temp_path ${folder}/${each};`,
    )
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/errors.log; user root;
events { worker_connections 1024; }
http {
  ${temporary.join(' ')}
  access_log off; keepalive_requests 1000000;
  server { listen 80; location / { add_header X-Pod ${namespace}/${name}; return 200 "hello\\n"; } }
}`,
    )
    return ['nginx', '-p', folder, '-c', join(folder, 'nginx.conf')]
  }
}

const MERGE = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)

/** As the API writes times: whole seconds. */
function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}
