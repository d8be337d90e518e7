import { appendFile, copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { Mistake } from '../mistake/mistake.ts'
import { look, makeFolder, removeTree, replaceFile, spend, weighAlone } from './data-folder.ts'
import { type DataFolder, helper, jsonText, namespace } from './helper.ts'
import { freshenNameHistory } from './name-history.ts'
import { packFolder } from './pack-folder.ts'

const path = (doc: string) => z.string().describe(doc)
const namePart = z.string().regex(/^[^/\0]*$/, 'a name without slashes')

export const file = namespace(
  'file',
  'Files in the data folder of this worker or hub. All scripts share it; paths are relative to it, and nothing outside can be reached. On a worker `name_resolution_history.json` is always in it, for those who look at it, read, copy, move or send it. Content is UTF-8 text.',
  {
    write: helper({
      effect: 'file',
      doc: 'Replaces the content of a file, or makes the file. The folder must exist. Objects are written as JSON.',
      params: { path: path('Path of the file'), content: jsonText.describe('The whole new content') },
      returns: z.void(),
      writes: ({ path }) => [path],
      example: `file.mkdir('reports')\nfile.write('reports/today.txt', 'all is well\\n')`,
      async run({ path, content }, { files }) {
        const target = files.resolve(path)
        const bytes = Buffer.from(content)
        await spend(files, target, bytes.length, () =>
          replaceFile(target, (draft) => writeFile(draft, bytes, { flag: 'wx' })),
        )
      },
    }),

    append: helper({
      effect: 'file',
      doc: 'Adds text at the end of a file, or makes the file. The folder must exist.',
      params: { path: path('Path of the file'), content: jsonText.describe('What to add') },
      returns: z.void(),
      writes: ({ path }) => [path],
      example: `file.append('events.log', new Date().toISOString() + ' started\\n')`,
      async run({ path, content }, { files }) {
        const target = files.resolve(path)
        const bytes = Buffer.from(content)
        await spend(files, target, bytes.length, () => appendFile(target, bytes))
      },
    }),

    read: helper({
      doc: 'The content of a file of at most 2 MiB, as text.',
      params: { path: path('Path of the file') },
      returns: z.string(),
      example: `file.write('state.json', '{"runs":1}')\nvar state = JSON.parse(file.read('state.json'))`,
      async run({ path }, host) {
        const target = host.files.resolve(path)
        await freshenNameHistory(target, host)
        const size = (await look(target))?.size ?? 0
        if (size > LONGEST_READ)
          throw new Mistake(
            'E_HELPER_REFUSED',
            `file.read: ${path} has ${size} bytes; at most ${LONGEST_READ}`,
          )
        return await readFile(target, 'utf8')
      },
    }),

    exists: helper({
      doc: 'Whether there is a file or folder of this path.',
      params: { path: path('Path to look at') },
      returns: z.boolean(),
      example: `if (!file.exists('reports')) file.mkdir('reports')`,
      async run({ path }, host) {
        const target = host.files.resolve(path)
        await freshenNameHistory(target, host)
        return (await look(target)) !== undefined
      },
    }),

    list: helper({
      doc: 'Names in a folder, sorted; without a path those in the data folder itself.',
      params: { path: path('Path of the folder').default('') },
      returns: z.array(z.string()),
      example: `file.list().forEach(function (name) {\n  console.log(name)\n})`,
      async run({ path }, { files }) {
        return (await readdir(files.resolve(path))).sort()
      },
    }),

    stat: helper({
      doc: 'Size, kind and age of a file or folder. Throws when there is none.',
      params: { path: path('Path to look at') },
      returns: z.object({
        size: z.number().describe('Bytes; 0 for a folder'),
        isDirectory: z.boolean(),
        modified: z.number().describe('Milliseconds since the epoch'),
      }),
      example: `file.write('a.txt', 'hello')\nconsole.log(file.stat('a.txt').size)`,
      async run({ path }, host) {
        const target = host.files.resolve(path)
        await freshenNameHistory(target, host)
        const stats = await look(target)
        if (stats === undefined)
          throw new Mistake('E_HELPER_FAILED', `file.stat: ${path}: no such file or folder`)
        const isDirectory = stats.isDirectory()
        return { size: isDirectory ? 0 : stats.size, isDirectory, modified: Math.floor(stats.mtimeMs) }
      },
    }),

    move: helper({
      effect: 'file',
      doc: 'Renames a file or folder. Into an existing folder, or a path that ends with `/`, it moves under its own name.',
      params: { oldPath: path('What to move'), newPath: path('Where to') },
      returns: z.void(),
      writes: ({ oldPath, newPath }) => [oldPath, newPath],
      example: `file.write('draft.txt', 'done')\nfile.mkdir('reports')\nfile.move('draft.txt', 'reports/')`,
      async run({ oldPath, newPath }, host) {
        const { files } = host
        const from = notTheRoot(files, files.resolve(oldPath), 'file.move')
        await freshenNameHistory(from, host)
        await files.change(async () => {
          const to = await placeUnder(files, newPath, from)
          if (to === from) return
          const replaced = await weighAlone(to)
          await rename(from, to)
          files.reserve(-replaced)
        })
      },
    }),

    copy: helper({
      effect: 'file',
      doc: 'Copies one file. Throws when there is none, as for a capture that has expired.',
      params: { srcPath: path('File to copy'), dstPath: path('Path of the copy') },
      returns: z.void(),
      writes: ({ dstPath }) => [dstPath],
      example: `file.write('a.txt', 'hello')\nfile.copy('a.txt', 'b.txt')`,
      async run({ srcPath, dstPath }, host) {
        const { files } = host
        const from = files.resolve(srcPath)
        await freshenNameHistory(from, host)
        const to = files.resolve(dstPath)
        const size = (await look(from))?.size ?? 0
        await spend(files, to, size, () => replaceFile(to, (draft) => copyFile(from, draft)))
      },
    }),

    delete: helper({
      effect: 'file',
      doc: 'Deletes a file, or a folder with all that is in it. Nothing there is fine.',
      params: { path: path('What to delete') },
      returns: z.void(),
      writes: ({ path }) => [path],
      example: `file.delete('reports')`,
      async run({ path }, { files }) {
        const target = notTheRoot(files, files.resolve(path), 'file.delete')
        await removeTree(files, target)
      },
    }),

    mkdir: helper({
      effect: 'file',
      doc: 'Makes a folder, and those above it. One that exists is fine.',
      params: { path: path('Path of the folder') },
      returns: z.void(),
      writes: ({ path }) => [path],
      example: `file.mkdir('recordings/checkout')`,
      async run({ path }, { files }) {
        await makeFolder(files, files.resolve(path))
      },
    }),

    mkdirTemp: helper({
      effect: 'file',
      doc: 'Makes a folder with a new name and returns its path. When the agent is deactivated or deleted, or its worker or hub ends, it is removed with all that is in it, unless it was moved.',
      params: {
        name: namePart.default('').describe('How its name begins'),
        dir: path('Folder to make it in').default(''),
      },
      returns: z.string(),
      writes: ({ name, dir }) => [join(dir, `${name}0`)],
      example: `var folder = file.mkdirTemp('snapshot')\nfile.write(folder + '/note.txt', 'kept')`,
      async run({ name, dir }, { files, randomName, temporary }) {
        const target = join(files.resolve(dir), name + randomName())
        await spend(files, target, 0, () => mkdir(target))
        await temporary(target)
        return target
      },
    }),

    temp: helper({
      effect: 'file',
      doc: 'Makes an empty file with a new name and returns its path. When the agent is deactivated or deleted, or its worker or hub ends, it is removed, unless it was moved.',
      params: {
        name: namePart.describe('How its name begins'),
        dir: path('Folder to make it in').default(''),
        extension: namePart.default('txt').describe('With or without the dot'),
      },
      returns: z.string(),
      writes: ({ name, dir, extension }) => [join(dir, `${name}0.${extension.replace(/^\./, '')}`)],
      example: `var report = file.temp('report', '', 'json')\nfile.write(report, JSON.stringify({ ok: true }))`,
      async run({ name, dir, extension }, { files, randomName, temporary }) {
        const fullName = `${name}${randomName()}.${extension.replace(/^\./, '')}`
        const target = join(files.resolve(dir), fullName)
        await spend(files, target, 0, () => writeFile(target, '', { flag: 'wx' }))
        await temporary(target)
        return target
      },
    }),

    tar: helper({
      effect: 'file',
      doc: 'Packs the files of a folder into `kubeshark_<UNIX seconds>.tar.gz` in the data folder, and returns that name.',
      params: { dir: path('Folder to pack') },
      returns: z.string(),
      writes: () => ['kubeshark_0.tar.gz'],
      example: `file.mkdir('reports')\nvar archive = file.tar('reports')\nfile.move(archive, 'reports_' + archive)`,
      async run({ dir }, host) {
        const stem = `kubeshark_${Math.floor(host.now() / 1000)}`
        return await packFolder(host.files.resolve(dir), stem, host)
      },
    }),
  },
)

/** What still crosses to the sandbox in one frame. */
const LONGEST_READ = 2 * 1024 * 1024

function notTheRoot(files: DataFolder, target: string, helper: string): string {
  if (target === files.root)
    throw new Mistake('E_HELPER_REFUSED', `${helper}: the data folder itself stays where it is`)
  return target
}

/** The path to move to: an existing folder, or a path with a slash at its end, takes things in. */
async function placeUnder(files: DataFolder, path: string, moved: string): Promise<string> {
  const target = files.resolve(path)
  const takesIn = path.endsWith('/') || (target !== moved && (await look(target))?.isDirectory() === true)
  return takesIn ? files.resolve(join(target, basename(moved))) : target
}
