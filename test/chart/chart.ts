import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { parseAllDocuments, stringify } from 'yaml'
import { kubeTools } from '../../src/testing/kube-tools.ts'
import { REPOSITORY } from '../../src/testing/remora.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'
import { type Json, listOf, recordOf, textOf } from '../kube/object.ts'

export const CHART = join(REPOSITORY, 'deploy/helm/remora')

/** An object as it would be given to Kubernetes. */
export interface Manifest extends Json {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Json & { readonly name: string; readonly namespace?: string }
}

export interface Rendering {
  readonly values?: object
  readonly release?: string
  readonly namespace?: string
}

/** The real Helm, and this chart; undefined, and the test skipped, where there is none. */
export class Chart {
  readonly #helm: string
  readonly #folder: string

  static async open(t: TestContext): Promise<Chart | undefined> {
    const tools = await kubeTools(t)
    return tools && new Chart(tools.helm, await tempFolder(t))
  }

  private constructor(helm: string, folder: string) {
    this.#helm = helm
    this.#folder = folder
  }

  /** Runs helm, with a home of its own. Rejects with what it has printed. */
  async helm(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const home = { HOME: this.#folder, XDG_CACHE_HOME: '', XDG_CONFIG_HOME: '', XDG_DATA_HOME: '' }
    const options = { env: { PATH: process.env.PATH, ...home, ...env }, maxBuffer: 64 << 20 }
    return (await promisify(execFile)(this.#helm, [...args], options)).stdout
  }

  /** What `helm install` would give to Kubernetes. */
  async render({
    values = {},
    release = 'remora',
    namespace = 'net',
  }: Rendering = {}): Promise<readonly Manifest[]> {
    const file = await this.valuesFile(values)
    return manifestsIn(await this.helm(['template', release, CHART, '-n', namespace, '-f', file]))
  }

  /** What Helm says of values that it refuses. */
  async refusal(values: object): Promise<string> {
    const file = await this.valuesFile(values)
    try {
      await this.helm(['template', 'remora', CHART, '-f', file])
    } catch (error) {
      return String((error as { stderr?: string }).stderr)
    }
    throw new Error('Helm has refused nothing')
  }

  async valuesFile(values: object): Promise<string> {
    const file = join(this.#folder, `values-${this.#files++}.yaml`)
    await writeFile(file, stringify(values))
    return file
  }
  #files = 0
}

export function manifestsIn(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((each) => each !== null)
}

/** The object of a kind and a name; throws when there is none. */
export function objectNamed(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((each) => each.kind === kind && each.metadata.name === name)
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`)
  return found
}

/** Whatever has pods, or is one, and their spec. */
export function podSpecs(
  manifests: readonly Manifest[],
): readonly { readonly name: string; readonly spec: Json }[] {
  return manifests
    .filter(({ kind }) => ['Deployment', 'DaemonSet', 'StatefulSet', 'Job', 'Pod'].includes(kind))
    .map(({ kind, metadata, spec }) => ({
      name: `${kind} ${metadata.name}`,
      spec: kind === 'Pod' ? recordOf(spec) : recordOf(recordOf(recordOf(spec).template).spec),
    }))
}

export function containersOf(spec: Json): readonly Json[] {
  return [...listOf(spec.initContainers), ...listOf(spec.containers)].map(recordOf)
}

export function containerNamed(spec: Json, name: string): Json {
  const found = containersOf(spec).find((each) => textOf(each.name) === name)
  if (found === undefined) throw new Error(`there is no container ${name}`)
  return found
}
