import { REDACTED } from '../../entry/redacted.ts'

/** Arguments of a command (its name in upper case) without the passwords in them. Names of users stay. */
export function withoutSecrets(command: string, args: string[]): readonly string[] {
  switch (command) {
    case 'AUTH':
      return args.map((arg, at) => (at === 0 && args.length > 1 ? arg : REDACTED))
    case 'HELLO':
      return hideOptions(args, 1, OF_HELLO)
    case 'MIGRATE':
      return hideOptions(args, 5, OF_MIGRATE)
    case 'CONFIG':
      return isWord(args[0], 'SET') ? hideSettings(args, 1) : args
    case 'SENTINEL':
      if (isWord(args[0], 'SET')) return hideSettings(args, 2)
      return isWord(args[0], 'CONFIG') && isWord(args[1], 'SET') ? hideSettings(args, 2) : args
    case 'ACL':
      return isWord(args[0], 'SETUSER')
        ? args.map((arg, at) => (at > 1 && PASSWORD_RULE.test(arg) ? `${arg.charAt(0)}${REDACTED}` : arg))
        : args
    default:
      return args
  }
}

/** Options behind the first arguments; by how many words the secret of each stands behind its name. */
function hideOptions(args: string[], first: number, options: Options): string[] {
  for (let at = first; at < args.length; at++) {
    const name = (args[at] as string).toUpperCase()
    if (name === 'KEYS') break
    if (name === 'SETNAME') at++
    const behind = options.get(name)
    if (behind === undefined) continue
    at += behind
    if (at < args.length) args[at] = REDACTED
  }
  return args
}

/** Names and values by turns. */
function hideSettings(args: string[], first: number): string[] {
  for (let at = first; at + 1 < args.length; at += 2)
    if (SECRET_SETTINGS.has((args[at] as string).toLowerCase())) args[at + 1] = REDACTED
  return args
}

function isWord(arg: string | undefined, word: string): boolean {
  return arg?.toUpperCase() === word
}

type Options = ReadonlyMap<string, number>

const OF_HELLO: Options = new Map([['AUTH', 2]])
const OF_MIGRATE: Options = new Map([
  ['AUTH', 1],
  ['AUTH2', 2],
])
/** To add or remove a password, or the hash of one. */
const PASSWORD_RULE = /^[><#!]/
/** What Redis and Valkey treat as sensitive themselves: `masteruser` is, too. */
const SECRET_SETTINGS: ReadonlySet<string> = new Set([
  'requirepass',
  'masterauth',
  'masteruser',
  'primaryauth',
  'primaryuser',
  'tls-key-file-pass',
  'tls-client-key-file-pass',
  'auth-pass',
  'sentinel-pass',
])
