import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { tempFolder } from '../../src/testing/temp-folder.ts'

export interface KubeconfigContext {
  readonly url: string
  readonly namespace?: string
  readonly token?: string
}

/** A file as kubectl reads it; the first context is the current one. */
export async function kubeconfigFile(
  t: TestContext,
  contexts: Readonly<Record<string, KubeconfigContext>>,
): Promise<string> {
  const each = Object.entries(contexts)
  const file = join(await tempFolder(t), 'config')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: each.map(([name, { url }]) => ({ name, cluster: { server: url } })),
    users: each.map(([name, { token = 'a token' }]) => ({ name, user: { token } })),
    contexts: each.map(([name, { namespace }]) => ({
      name,
      context: { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) },
    })),
    'current-context': each[0]?.[0],
  }
  writeFileSync(file, JSON.stringify(config))
  return file
}
