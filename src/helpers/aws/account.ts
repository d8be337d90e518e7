import { Mistake } from '../../mistake/mistake.ts'
import type { Account } from './failure.ts'

/** undefined, null and "" are "not given", as `env.NAME` of what nobody has set. */
export function given(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text.trim()
}

/** The account of a call; throws for what cannot be one. */
export function accountOf(
  helper: string,
  region: string | undefined,
  keyId: string | undefined,
  secret: string | undefined,
): Account {
  if (region === undefined) throw missing(helper, 'the region')
  // It becomes a part of the host: nothing else may come of it.
  if (!/^(?!-)[a-z0-9-]{1,40}(?<!-)$/.test(region))
    throw new Mistake('E_HELPER_ARGUMENT', `${helper}: the region must be a name such as eu-west-1`)
  if (keyId === undefined && secret === undefined) return { region }
  if (keyId === undefined) throw missing(helper, 'the access key id that belongs to the secret key')
  if (secret === undefined) throw missing(helper, 'the secret key that belongs to the access key id')
  return { region, keys: { id: keyId, secret } }
}

export function missing(helper: string, what: string): Mistake {
  return new Mistake('E_HELPER_ARGUMENT', `${helper}: ${what} is missing`)
}
