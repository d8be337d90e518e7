/**
 * Builds the plugin of kubectl for krew: `node scripts/krew.ts --url https://HOST/PATH [--out dist/krew] [--node linux-arm64=FILE]…`
 *
 * For each platform of deploy/krew/remora.yaml whose Node is at hand (that of the installed package, and those that are named) an
 * archive with the bundled commands, Node and a starter, and that manifest with their SHA-256.
 * The URL is where the archives will be. The same sources give the same archives. Needs GNU tar and gzip.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import { z } from 'zod'
import { ROOT } from './imports.ts'

/** What is read of the manifest. */
const plugin = z.looseObject({
  spec: z.looseObject({
    platforms: z.array(
      z.looseObject({ selector: z.object({ matchLabels: z.object({ os: z.string(), arch: z.string() }) }) }),
    ),
  }),
})

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
    const template = plugin.parse(parse(await readFile(join(ROOT, 'deploy/krew/remora.yaml'), 'utf8')))
    const archives: string[] = []
    const platforms: object[] = []
    for (const platform of template.spec.platforms) {
      const { os, arch } = platform.selector.matchLabels
      const name = `${os}-${arch === 'amd64' ? 'x64' : arch}`
      // As npm has them.
      const folder = os === 'darwin' ? `node-bin-${name}` : `node-${name}`
      const node = nodes[name] ?? join(ROOT, 'node_modules', folder, 'bin/node')
      if (!existsSync(node)) continue
      await copyFile(node, join(work, 'node'))
      await chmod(join(work, 'node'), 0o755)
      const file = join(out, `kubectl-remora-v${version}-${os}-${arch}.tar.gz`)
      await pack(work, file, compression)
      const sha256 = createHash('sha256')
        .update(await readFile(file))
        .digest('hex')
      archives.push(file)
      platforms.push({ ...platform, uri: `${url.replace(/\/+$/, '')}/${basename(file)}`, sha256 })
    }
    if (platforms.length === 0)
      throw new Error('there is no Node for any platform of deploy/krew/remora.yaml')
    const manifest = join(out, 'remora.yaml')
    await writeFile(
      manifest,
      stringify({ ...template, spec: { ...template.spec, version: `v${version}`, platforms } }),
    )
    return { manifest, archives }
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
