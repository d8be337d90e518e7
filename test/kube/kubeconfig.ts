import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { tempFolder } from '../../src/testing/temp-folder.ts'

export interface KubeconfigContext {
  readonly url: string
  readonly namespace?: string
  readonly token?: string
  /** Authority of the server, PEM. */
  readonly ca?: string
}

/** A file as kubectl reads it; the first context is the current one. */
export async function kubeconfigFile(
  t: TestContext,
  contexts: Readonly<Record<string, KubeconfigContext>>,
): Promise<string> {
  const file = join(await tempFolder(t), 'config')
  writeFileSync(file, kubeconfigText(contexts))
  return file
}

export function kubeconfigText(contexts: Readonly<Record<string, KubeconfigContext>>): string {
  const each = Object.entries(contexts)
  const authority = (ca: string | undefined) =>
    ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: each.map(([name, { url, ca }]) => ({ name, cluster: { server: url, ...authority(ca) } })),
    users: each.map(([name, { token = 'a token' }]) => ({ name, user: { token } })),
    contexts: each.map(([name, { namespace }]) => ({
      name,
      context: { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) },
    })),
    'current-context': each[0]?.[0],
  })
}
