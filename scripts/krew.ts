/**
 * Builds the plugin of kubectl for krew: `node scripts/krew.ts --url https://HOST/PATH [--out dist/krew] [--node linux-arm64=FILE]…`
 *
 * For each platform whose Node is at hand (that of the installed package, and those that are named) an archive with the bundled
 * commands, Node and a starter, and remora.yaml with their SHA-256 (https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/).
 * The URL is where the archives will be. The same sources give the same archives. Needs GNU tar and gzip.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { stringify } from 'yaml'
import { ROOT } from './imports.ts'

interface Platform {
  /** As the packages of Node call it: `linux-x64`. */
  readonly name: string
  readonly os: string
  readonly arch: string
}

export interface BuiltPlugin {
  readonly manifest: string
  readonly archives: readonly string[]
}

export interface PluginOptions {
  readonly out: string
  /** Of the folder in which the archives will be. */
  readonly url: string
  /** Binaries of Node, by platform, beside those that are installed. */
  readonly nodes?: Readonly<Record<string, string>>
  /** 1 (fast) to 9 (small). */
  readonly compression?: number
}

export async function buildPlugin({
  out,
  url,
  nodes = {},
  compression = 9,
}: PluginOptions): Promise<BuiltPlugin> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  await mkdir(out, { recursive: true })
  const work = await mkdtemp(join(tmpdir(), 'remora-krew-'))
  try {
    const program = join(work, 'lib/cli')
    await bundle(program)
    await writeFile(join(work, 'package.json'), JSON.stringify({ name: 'remora', version, type: 'module' }))
    await writeFile(join(work, 'kubectl-remora'), STARTER)
    await chmod(join(work, 'kubectl-remora'), 0o755)
    await copyFile(join(ROOT, 'LICENSE'), join(work, 'LICENSE'))
    const built: { platform: Platform; file: string; sha256: string }[] = []
    for (const platform of PLATFORMS) {
      const node = nodes[platform.name] ?? join(ROOT, `node_modules/node-${platform.name}/bin/node`)
      if (!existsSync(node)) continue
      await copyFile(node, join(work, 'node'))
      await chmod(join(work, 'node'), 0o755)
      const file = join(out, `kubectl-remora-v${version}-${platform.os}-${platform.arch}.tar.gz`)
      await pack(work, file, compression)
      built.push({
        platform,
        file,
        sha256: createHash('sha256')
          .update(await readFile(file))
          .digest('hex'),
      })
    }
    if (built.length === 0)
      throw new Error(`there is no Node for any of ${PLATFORMS.map(({ name }) => name)}`)
    const manifest = join(out, 'remora.yaml')
    const platforms = built.map(({ platform: { os, arch }, file, sha256 }) => ({
      selector: { matchLabels: { os, arch } },
      uri: `${url.replace(/\/+$/, '')}/${file.slice(out.length + 1)}`,
      sha256,
      bin: 'kubectl-remora',
    }))
    await writeFile(manifest, stringify(manifestOf(version, platforms)))
    return { manifest, archives: built.map(({ file }) => file) }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function bundle(folder: string): Promise<void> {
  // Takes a second to load.
  const { build } = await import('rolldown')
  await build({
    input: join(ROOT, 'src/cli/kubectl-remora.ts'),
    platform: 'node',
    logLevel: 'silent',
    output: {
      dir: folder,
      format: 'esm',
      entryFileNames: '[name].mjs',
      chunkFileNames: '[name]-[hash].mjs',
      minify: true,
    },
  })
}

/** The same folder makes the same bytes. */
async function pack(folder: string, file: string, compression: number): Promise<void> {
  const run = promisify(execFile)
  const tar = file.replace(/\.gz$/, '')
  const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=go=rX,u+rw']
  await run('tar', ['-cf', tar, ...same, '-C', folder, '.'])
  await run('gzip', [`-${compression}`, '-n', '-f', tar])
}

function manifestOf(version: string, platforms: readonly object[]): object {
  return {
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: 'remora' },
    spec: {
      version: `v${version}`,
      shortDescription: 'Sync and watch agents on network traffic',
      description:
        'Finds the hub of Remora in the cluster, forwards its port, and syncs a folder of agents with it,\nshows what they do and say, and asks for entries.',
      caveats:
        'Needs the rights to list pods and to create pods/portforward in the namespace of the release.',
      platforms,
    },
  }
}

/** krew starts it by a link. */
const STARTER = `#!/bin/sh
link=$0
while [ -h "$link" ]; do
  to=$(readlink "$link")
  case $to in /*) link=$to ;; *) link=$(dirname "$link")/$to ;; esac
done
folder=$(cd "$(dirname "$link")" && pwd)
exec "$folder/node" --disable-warning=ExperimentalWarning "$folder/lib/cli/kubectl-remora.mjs" "$@"
`

const PLATFORMS: readonly Platform[] = [
  { name: 'linux-x64', os: 'linux', arch: 'amd64' },
  { name: 'linux-arm64', os: 'linux', arch: 'arm64' },
  { name: 'darwin-arm64', os: 'darwin', arch: 'arm64' },
]

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      out: { type: 'string', default: join(ROOT, 'dist/krew') },
      node: { type: 'string', multiple: true, default: [] },
    },
  })
  if (values.url === undefined) throw new Error('--url says where the archives will be')
  const nodes = Object.fromEntries(values.node.map((each) => each.split('=', 2) as [string, string]))
  const { manifest, archives } = await buildPlugin({ out: resolve(values.out), url: values.url, nodes })
  process.stdout.write([...archives, manifest, ''].join('\n'))
}
