import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { configurationPage } from '../src/config/reference.ts'
import { configSchema } from '../src/config/schema.ts'
import { entryProtocols } from '../src/dissectors/index.ts'
import { type DescribedProtocol, describeShape } from '../src/entry/described.ts'
import type { Shape } from '../src/entry/shape.ts'
import { hooks } from '../src/helpers/hooks.ts'
import { namespaces } from '../src/helpers/index.ts'
import { helpersPage, hooksPage, mistakesPage } from '../src/helpers/reference.ts'
import { typings } from '../src/helpers/typings.ts'
import { version } from '../src/helpers/version.ts'
import { describeApi } from '../src/hub/api/start-api.ts'
import { metricsPage } from '../src/metrics/reference.ts'
import { MISTAKES } from '../src/mistake/mistake.ts'
import { FakeHub } from '../src/testing/fake-hub.ts'
import { unpackKubeTools } from '../src/testing/kube-tools.ts'
import { valuesFile, valuesSchema } from './chart/artefacts.ts'
import { grafanaDashboard } from './chart/dashboard.ts'
import { plainManifest } from './chart/manifest.ts'

/** Every file that follows from declarations: path in the repository → content. */
export async function generated(): Promise<ReadonlyMap<string, string>> {
  return new Map([...(await declared()), ...(await manifest())])
}

async function declared(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['remora.d.ts', typings(namespaces, hooks, entryProtocols)],
    ['docs/generated/helpers.md', helpersPage(namespaces)],
    ['docs/generated/hooks.md', hooksPage(hooks)],
    ['docs/generated/mistakes.md', mistakesPage(MISTAKES)],
    ['docs/generated/configuration.md', configurationPage()],
    ['docs/generated/openapi.json', await apiDescription()],
    ['docs/generated/metrics.md', metricsPage()],
    ['deploy/helm/remora/files/dashboard.json', grafanaDashboard()],
    ['deploy/helm/remora/values.yaml', valuesFile()],
    ['deploy/helm/remora/values.schema.json', valuesSchema()],
    ['src/dissectors/generated/protocols.json', knownProtocols()],
    ['src/dissectors/generated/described.json', describedProtocols()],
  ])
}

/** Made with Helm, which is there after `npm ci --prefix test/emulators`; without it the manifest stays as it is. */
async function manifest(): Promise<readonly (readonly [string, string])[]> {
  const tools = await unpackKubeTools().catch(() => undefined)
  return tools === undefined ? [] : [['deploy/remora.yaml', await plainManifest(tools.helm)]]
}

/** What tools read that are made for an interface. */
async function apiDescription(): Promise<string> {
  const log = { error: () => {}, warn: () => {} }
  const options = { control: new FakeHub(), config: configSchema.parse({}), version: version(), log }
  return `${JSON.stringify(await describeApi(options), null, 2)}\n`
}

/** What `src/dissectors/known.ts` has: protocols and the kinds of their fields, without what is only for people. */
function knownProtocols(): string {
  const known = entryProtocols.map(({ name, protocols, request, response, data }) => ({
    name,
    protocols,
    request: bare(request),
    response: bare(response),
    ...(data === undefined ? {} : { data: bare(data) }),
  }))
  return `${JSON.stringify(known)}\n`
}

/** What `src/dissectors/described.ts` has: all that is said of protocols. */
function describedProtocols(): string {
  const described: readonly DescribedProtocol[] = entryProtocols.map(
    ({ name, protocols, request, response, data }) => ({
      name,
      protocols,
      request: describeShape(request),
      response: describeShape(response),
      ...(data === undefined ? {} : { data: describeShape(data) }),
    }),
  )
  return `${JSON.stringify(described)}\n`
}

function bare(shape: Shape): object {
  const { kind } = shape
  if (shape.kind === 'constant') return { kind, value: shape.value }
  if (shape.kind !== 'object') return { kind }
  const fields = Object.entries(shape.fields).map(([name, field]) => [name, bare(field)] as const)
  return { kind, nullable: shape.nullable, fields: Object.fromEntries(fields) }
}

/** Those generated files below `root` that are not what they should be. */
export async function staleFiles(root: string): Promise<string[]> {
  const stale: string[] = []
  for (const [path, content] of await generated())
    if ((await contentOf(join(root, path))) !== content) stale.push(path)
  return stale
}

export async function writeGenerated(root: string): Promise<void> {
  // The manifest is made of the chart, of which parts are generated.
  for (const each of [declared, manifest])
    for (const [path, content] of await each()) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), content)
    }
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  if (process.argv.includes('--check')) {
    const stale = await staleFiles(root)
    for (const path of stale) console.error(`stale: ${path} (mend it with: npm run gen)`)
    process.exitCode = stale.length > 0 ? 1 : 0
  } else await writeGenerated(root)
}
