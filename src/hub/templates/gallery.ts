import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAgent } from '../../agent/source/gate.ts'
import { topLevelNames } from '../../agent/source/names.ts'
import { HOOKS } from '../../helpers/hooks.ts'
import type { AgentTemplate } from '../../wire/authoring.ts'
import { CATEGORIES, readHeader } from './header.ts'

/** Templates that come with Remora. */
export const TEMPLATES = fileURLToPath(new URL('../../../templates/', import.meta.url))

/** All templates of a folder, by category and title. Rejects with what is wrong with the first that is none. */
export async function readTemplates(folder: string): Promise<AgentTemplate[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.js'))
  const templates = await Promise.all(files.map((file) => readTemplate(join(folder, file))))
  return templates.toSorted(
    (a, b) =>
      CATEGORIES.indexOf(a.category) - CATEGORIES.indexOf(b.category) || a.title.localeCompare(b.title, 'en'),
  )
}

async function readTemplate(path: string): Promise<AgentTemplate> {
  const code = await readFile(path, 'utf8')
  const file = basename(path)
  const names = topLevelNames(parseAgent(code, { language: 'es5', file }))
  return {
    name: basename(file, '.js'),
    ...readHeader(code, file),
    hooks: HOOKS.filter((hook) => names.includes(hook)),
    code,
  }
}
