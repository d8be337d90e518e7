import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { kubeTools } from '../../src/testing/kube-tools.ts'
import { run } from '../../src/testing/programs.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'
import { certificateFor } from './certificate.ts'
import { FakeKubernetes, type FakeOptions } from './fake-kubernetes.ts'
import { kubeconfigFile } from './kubeconfig.ts'

/** The API server that a test runs against, with a namespace of its own. */
export interface ServerUnderTest {
  readonly kubeconfig: string
  readonly namespace: string
  /** Undefined: it is a real one. */
  readonly fake: FakeKubernetes | undefined
  /**
   * Whether controllers are behind it: what collects garbage, and makes a service account in new namespaces. Resolves when there is
   * one, without which pods are refused before anybody looks at them.
   */
  hasControllers(): Promise<boolean>
  /** What the real kubectl says in that namespace; rejects when it fails, unless `try` is used. */
  kubectl(args: readonly string[], input?: object | string): Promise<string>
  try(args: readonly string[], input?: object | string): Promise<Said>
}

interface Said {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Ours, or where REMORA_TEST_KUBECONFIG names a kubeconfig, the real one that it is for. Undefined, and the test skipped, where kubectl is
 * missing; in CI that fails.
 */
export async function serverUnderTest(
  t: TestContext,
  options: FakeOptions = {},
): Promise<ServerUnderTest | undefined> {
  const tools = await kubeTools(t)
  if (tools === undefined) return undefined
  const real = process.env.REMORA_TEST_KUBECONFIG
  // Without TLS kubectl shows no token.
  const tls = real === undefined && options.rbac === true ? await certificateFor('127.0.0.1') : undefined
  const fake =
    real === undefined
      ? await FakeKubernetes.start(t, { ...options, ...(tls === undefined ? {} : { tls }) })
      : undefined
  if (options.rbac === true) fake?.addUser(ADMIN, 'kubernetes-admin', [], ['system:masters'])
  const kubeconfig =
    real ??
    (await kubeconfigFile(t, {
      kube: { url: fake?.url ?? '', token: ADMIN, ...(tls === undefined ? {} : { ca: tls.cert }) },
    }))
  const namespace = `remora-test-${randomUUID().slice(0, 8)}`
  const folder = await tempFolder(t)
  const env = { KUBECONFIG: kubeconfig, HOME: folder, NO_PROXY: '*' }
  const attempt = async (args: readonly string[], input?: object | string) => {
    if (input === undefined) return run(tools.kubectl, ['-n', namespace, ...args], env)
    const file = join(folder, `${randomUUID()}.yaml`)
    await writeFile(file, typeof input === 'string' ? input : JSON.stringify(input))
    return run(tools.kubectl, ['-n', namespace, ...args, '-f', file], env)
  }
  const kubectl = async (args: readonly string[], input?: object | string) => {
    const { code, stdout, stderr } = await attempt(args, input)
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
    return stdout
  }
  await kubectl(['create', 'namespace', namespace])
  if (fake === undefined) t.after(() => attempt(['delete', 'namespace', namespace, '--wait=false']))
  const hasControllers = async () => {
    if (fake !== undefined) return true
    const made = await attempt(['wait', '--for=create', 'serviceaccount/default', '--timeout=20s'])
    if (made.code !== 0) await kubectl(['create', 'serviceaccount', 'default'])
    return made.code === 0
  }
  return { kubeconfig, namespace, fake, hasControllers, kubectl, try: attempt }
}

/** For what only ours can do: fail in certain ways. Skips the test loudly where there is a real one. */
export function fakeOnly(t: TestContext, { fake }: ServerUnderTest): FakeKubernetes | undefined {
  if (fake !== undefined) return fake
  t.skip('a real API server does not fail on demand')
  return undefined
}

const ADMIN = 'token-of-the-administrator'
