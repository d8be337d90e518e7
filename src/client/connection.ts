import { readFileSync } from 'node:fs'
import { Mistake } from '../mistake/mistake.ts'

export interface HubAddress {
  /** Such as http://127.0.0.1:8899; a path is kept in front of that of the interface. */
  readonly url: string
  readonly token: string | undefined
  /** Authority of the hub's certificate, a PEM file, when it is none that the system knows. */
  readonly tls?: { readonly ca?: string }
  /** How it is reached where not directly. */
  readonly via?: HubDetour
}

export interface HubDetour {
  /** For people, instead of the address: `release remora in namespace default`. */
  readonly name: string
  /** Why the hub could not be reached lately; undefined when it could, or nobody knows. */
  trouble(): { readonly message: string; readonly hint?: string | undefined } | undefined
}

/** Where a hub is, and what every request to it carries. */
export interface Connection {
  readonly url: string
  readonly origin: string
  /** Without a slash at its end. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly ca: Buffer | undefined
  readonly via: HubDetour | undefined
}

/** Throws `E_USAGE` for what is no address, and for a file of an authority that cannot be read. */
export function connectionTo({ url, token, tls, via }: HubAddress): Connection {
  const parsed = URL.parse(url)
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol))
    throw new Mistake('E_USAGE', `${JSON.stringify(url)} is no address of a hub`, {
      hint: 'It looks like http://127.0.0.1:8899.',
    })
  return {
    url: `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`,
    origin: parsed.origin,
    path: parsed.pathname.replace(/\/+$/, ''),
    headers: {
      // Our own requests, seen by a capture on this machine, are no entries.
      'x-kubeshark-capture': 'ignore',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ca: tls?.ca === undefined ? undefined : readAuthority(tls.ca),
    via,
  }
}

/** Throws `E_USAGE` when it cannot be read. */
export function readAuthority(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new Mistake('E_USAGE', `the authority of the hub cannot be read: ${message}`, { cause })
  }
}

export function unreachable({ url, via }: Connection, cause: unknown): Mistake {
  const trouble = via?.trouble()
  return new Mistake(
    'E_HUB_UNREACHABLE',
    `the hub ${via === undefined ? `at ${url}` : `of ${via.name}`} cannot be reached: ${trouble?.message ?? reasonOf(cause)}`,
    {
      hint:
        trouble?.hint ??
        'Is `remora tap` running? Name its address with --hub-url, and its token in REMORA_TOKEN; on Kubernetes, --context finds it.',
      cause,
    },
  )
}

/** What answers there is no hub, or one of a version that speaks otherwise. */
export function incomprehensible({ url }: Connection, cause: unknown): Mistake {
  return new Mistake('E_HUB_UNREACHABLE', `what answers at ${url} is not a hub that this version knows`, {
    hint: 'Does --hub-url name the hub, and are both of the same version?',
    cause,
  })
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  // Where a name has several addresses, the reasons are in the errors of each, and the message is empty.
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join('; ')
  return cause.message === '' ? cause.name : cause.message
}
