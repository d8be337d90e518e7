import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describeAgentStore, type StorePlace } from '../../testing/describe-agent-store.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { openFolderStore } from './folder-shelf.ts'

describeAgentStore('a folder', async (t: TestContext): Promise<StorePlace> => {
  const folder = await tempFolder(t)
  return {
    open: async (rules) => openFolderStore({ ...rules, folder }),
    documents: () => documentsIn(folder),
    spoil: (name, content) => writeFile(join(folder, name), content),
  }
})

async function documentsIn(folder: string): Promise<Map<string, string>> {
  const documents = new Map<string, string>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && !/\.remora\/(lock|draft)/.test(path))
      documents.set(path.slice(folder.length + 1), await readFile(path, 'utf8'))
  }
  return documents
}
