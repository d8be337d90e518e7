import { agentTitle } from '../../agent/source/title.ts'

/** The title of an agent that is made of a file; longer ones are no titles for a hub. */
export function fileTitle(text: string, path: string): string {
  return agentTitle(text, path).slice(0, LONGEST_TITLE).trimEnd()
}

const LONGEST_TITLE = 500
