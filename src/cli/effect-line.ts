import type { Effect } from '../wire/trials.ts'
import { consoleText } from './text.ts'

/** An effect that was recorded instead of performed, for people: `[node] would vendor.webhook POST http://… {"text":"…"}`. */
export function effectLine({ node, helper, target, sent, arguments: given, error }: Effect): string {
  const what =
    sent?.body ??
    given
      .slice(1)
      .map(({ value }) => value)
      .join(' ')
  const line = `[${node}] would ${helper} ${target} ${what}`.trimEnd()
  return consoleText(error === undefined ? line : `${line}: refused: ${error}`)
}
