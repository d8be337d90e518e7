import { REDACTED } from '../../entry/redacted.ts'
import type { Fields } from './plain.ts'

/** A command without its passwords and what is made of them. Changes `body`, which nobody else has yet. */
export function hideInCommand(command: string, collection: string, body: Fields): void {
  if (CREDENTIAL_COMMANDS.has(command)) hide(body, SECRETS)
  hide(body.speculativeAuthenticate, SECRETS)
  // Until 2.6 users were documents that clients stored themselves.
  if (collection === 'system.users')
    for (const list of [body.documents, body.updates])
      if (Array.isArray(list)) for (const each of list) hideDeeply(each)
  if (collection === 'system.users') hideDeeply(body.update)
}

/** The same in a reply: a step of a login, or a list of users. */
export function hideInReply(body: Fields, documents: readonly unknown[]): void {
  for (const login of [body, body.speculativeAuthenticate])
    if (isFields(login) && 'conversationId' in login) hide(login, ['payload'])
  for (const list of [body.users, documents])
    if (Array.isArray(list)) for (const each of list) hideInUser(each)
}

function hide(value: unknown, names: readonly string[]): void {
  if (isFields(value)) for (const name of names) if (name in value) value[name] = REDACTED
}

/** An update has it within `u.$set`. */
function hideDeeply(value: unknown, depth = 0): void {
  if (!isFields(value) || depth > DEEPEST_SECRET) return
  hide(value, ['pwd'])
  for (const each of Object.values(value)) hideDeeply(each, depth + 1)
}

/** Until 2.6 users had no `db` and their hash in `pwd`; a projection may have left out who it is. */
function hideInUser(value: unknown): void {
  if (!isFields(value)) return
  const { user, db, credentials } = value
  if (typeof user === 'string') hide(value, typeof db === 'string' ? ['credentials', 'pwd'] : ['pwd'])
  if (isFields(credentials) && Object.keys(credentials).some(isMechanism)) hide(value, ['credentials'])
}

function isMechanism(name: string): boolean {
  return name.startsWith('SCRAM-') || name === 'MONGODB-CR'
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

const CREDENTIAL_COMMANDS: ReadonlySet<string> = new Set([
  'saslStart',
  'saslContinue',
  'authenticate',
  'createUser',
  'updateUser',
  'copydbsaslstart',
  'copydb',
])
const SECRETS = ['payload', 'key', 'pwd']
const DEEPEST_SECRET = 4
