/** A subject that can be published on: tokens with dots between them, without wildcards. Anything else is our fault. */
export function checkSubject(subject: string): void {
  if (!SUBJECT.test(subject)) throw new Error(`no subject: ${JSON.stringify(subject)}`)
}

/** What can be subscribed to: `*` is one token, a last `>` all that follow. */
export function checkPattern(pattern: string): void {
  if (!PATTERN.test(pattern)) throw new Error(`no subject to subscribe to: ${JSON.stringify(pattern)}`)
}

/** A key of a bucket. Keys of other people's making go through `token` (`src/wire/subjects.ts`) first. */
export function checkKey(key: string): void {
  if (!KEY.test(key)) throw new Error(`no key of a bucket: ${JSON.stringify(key)}`)
}

export function hasWildcard(pattern: string): boolean {
  return /(^|\.)[*>](\.|$)/.test(pattern)
}

/** Whether a subject is one of those that the pattern means, as NATS has it. */
export function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.')
  const tokens = subject.split('.')
  for (const [at, token] of wanted.entries()) {
    if (token === '>') return tokens.length > at
    if (at >= tokens.length || (token !== '*' && token !== tokens[at])) return false
  }
  return wanted.length === tokens.length
}

const SUBJECT = /^[^\s.*>]+(\.[^\s.*>]+)*$/
const PATTERN = /^(?:(?:\*|[^\s.*>]+)(?:\.(?:\*|[^\s.*>]+))*(?:\.>)?|>)$/
const KEY = /^[-/=\w]+(\.[-/=\w]+)*$/
