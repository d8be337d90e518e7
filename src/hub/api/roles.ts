import { createHash, timingSafeEqual } from 'node:crypto'
import type { Config } from '../../config/schema.ts'
import { Mistake } from '../../mistake/mistake.ts'

/** What a token may do: each role may do all that those before it may. */
export const ROLES = ['viewer', 'operator', 'author', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** Who sends a request. */
export interface Caller {
  /** Name of the token. */
  readonly name: string
  readonly role: Role
}

export function mayAct(caller: Caller, needed: Role): boolean {
  return ROLES.indexOf(caller.role) >= ROLES.indexOf(needed)
}

/** The tokens that are known, as their SHA-256. */
export class Tokens {
  readonly #known: readonly (Caller & { readonly hash: Buffer })[]

  /** Throws `E_CONFIG_VALUE` for one that has neither token nor SHA-256. */
  constructor(tokens: Config['hub']['tokens']) {
    this.#known = tokens.map(({ name, role, token, sha256 }, at) => {
      if (token === undefined && sha256 === undefined)
        throw new Mistake('E_CONFIG_VALUE', `hub.tokens[${at}] (${name}) has neither token nor sha256`, {
          hint: 'Make one with `openssl rand -hex 24`.',
        })
      return { name, role, hash: token === undefined ? Buffer.from(sha256 ?? '', 'hex') : hashOf(token) }
    })
  }

  get isEmpty(): boolean {
    return this.#known.length === 0
  }

  /** Takes the same time whichever token it is, and however much of it is right. */
  callerWith(token: string): Caller | undefined {
    const hash = hashOf(token)
    return this.#known.filter((known) => timingSafeEqual(known.hash, hash))[0]
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
