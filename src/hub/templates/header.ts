import type { AgentTemplate } from '../../wire/authoring.ts'

export type TemplateHeader = Pick<
  AgentTemplate,
  'title' | 'description' | 'category' | 'env' | 'rights' | 'sample'
>

/**
 * The comment at the head of a template:
 *
 *     // Title
 *     //
 *     // What it does, in one paragraph or several.
 *     //
 *     // @category Alerts
 *     // @env SLACK_WEBHOOK Address of an incoming webhook
 *     // @env? CHANNEL Where to, instead of where the webhook points
 *     // @hosts env.SLACK_WEBHOOK, api.example.com
 *     // @files failures/
 *     // @allow hosts hooks.slack.com
 *     // @rate vendor.slack 10/min
 *     // @sample [worker-1-0] GET /cart answered 500
 *
 * `@category` is one of `CATEGORIES`; `@env?` is a key that may be absent; `@sample` is a line of what it prints. Throws an
 * error that begins with `file:line: ` for anything else.
 */
export function readHeader(code: string, file: string): TemplateHeader {
  const lines = commentLines(code, file)
  const firstTag = lines.findIndex(({ text }) => text.startsWith('@'))
  const prose = firstTag < 0 ? lines : lines.slice(0, firstTag)
  const tags = (firstTag < 0 ? [] : lines.slice(firstTag)).map((line) => readTag(line, file))
  const all = (...names: string[]) => tags.filter(({ name }) => names.includes(name))
  return {
    ...readProse(prose, file),
    category: readCategory(all('category'), file),
    env: all('env', 'env?').map((tag) => readEnv(tag, file)),
    rights: { hosts: readList(all('hosts'), file), files: readList(all('files'), file) },
    sample: all('sample')
      .map(({ value }) => value)
      .join('\n'),
  }
}

interface CommentLine {
  readonly text: string
  readonly number: number
}

interface Tag {
  readonly name: string
  readonly value: string
  readonly number: number
}

function commentLines(code: string, file: string): CommentLine[] {
  const lines: CommentLine[] = []
  for (const [at, line] of code.split('\n').entries()) {
    if (!line.startsWith('//')) break
    if (line !== '//' && !line.startsWith('// ')) fail(file, at + 1, 'expected a blank after the slashes')
    lines.push({ text: line.slice(3).trimEnd(), number: at + 1 })
  }
  return lines
}

function readProse(lines: readonly CommentLine[], file: string) {
  const [title, blank, ...rest] = lines
  if (title === undefined || title.text === '') fail(file, 1, 'expected the title: // Title')
  if (blank?.text !== '') fail(file, 2, 'expected an empty comment line below the title: //')
  const description = rest.map(({ text }) => (text === '' ? '\n\n' : `${text} `)).join('')
  const paragraphs = description.split('\n\n').map((each) => each.trim())
  const told = paragraphs.filter((each) => each !== '').join('\n\n')
  if (told === '') fail(file, 3, 'expected what it does, before the first line with @')
  return { title: title.text, description: told }
}

function readTag({ text, number }: CommentLine, file: string): Tag {
  const found = /^@([a-z]+\??) (.*)$/.exec(text)
  const [, name = '', value = ''] = found ?? []
  if (found === null || !TAGS.includes(name))
    fail(file, number, `expected one of ${TAGS.map((tag) => `@${tag}`).join(', ')}, each with a value`)
  return { name, value: name === 'sample' ? value : value.trim(), number }
}

function readCategory(tags: readonly Tag[], file: string): string {
  const [tag, second] = tags
  if (tag === undefined) return fail(file, 1, 'expected a line // @category …')
  if (second !== undefined) fail(file, second.number, 'there is a category already')
  if (!CATEGORIES.includes(tag.value))
    fail(file, tag.number, `${JSON.stringify(tag.value)} is none of ${CATEGORIES.join(', ')}`)
  return tag.value
}

function readEnv({ name: tag, value, number }: Tag, file: string) {
  const [, name, description] = /^([A-Z][A-Z0-9_]*) (\S.*)$/.exec(value) ?? []
  if (name === undefined || description === undefined)
    return fail(file, number, 'expected NAME and what its value is')
  return { name, description, optional: tag === 'env?' }
}

function readList(tags: readonly Tag[], file: string): string[] {
  return tags.flatMap(({ value, number }) => {
    const items = value.split(',').map((each) => each.trim())
    if (items.some((each) => each === '' || each.includes(' ')))
      fail(file, number, 'expected words with commas between them')
    return items
  })
}

function fail(file: string, line: number, message: string): never {
  throw new Error(`${file}:${line}: ${message}`)
}

/** In the order in which they are shown. */
export const CATEGORIES: readonly string[] = [
  'Start',
  'Reports',
  'Alerts',
  'Security',
  'Recording',
  'Protocols',
]
/** `@allow` and `@rate` hold the agent to what they say; they are read where it is loaded. */
const TAGS: readonly string[] = ['category', 'env', 'env?', 'hosts', 'files', 'allow', 'rate', 'sample']
