import { basename } from 'node:path'

/**
 * The title of a script (agent-api §2.2): the text of a `//` comment on its first line, else the first line of a block
 * comment that comes before any code, else the name of its file.
 */
export function agentTitle(source: string, path: string): string {
  const text = source.replace(/^\ufeff/, '').trimStart()
  const line = /^\/\/[ \t]*(.*)/.exec(text)?.[1]?.trim()
  if (line !== undefined && line !== '') return oneLine(line)
  if (text.startsWith('/*')) {
    const end = text.indexOf('*/')
    const lines = text.slice(2, end < 0 ? undefined : end).split('\n')
    const first = lines.map((each) => each.replace(/^[\s*]+|[\s*]+$/g, '')).find((each) => each !== '')
    if (first !== undefined) return oneLine(first)
  }
  return basename(path).replace(/\.(js|ts)$/, '')
}

function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, ' ')
}
