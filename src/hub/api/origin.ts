import { isIP } from 'node:net'
import { Mistake } from '../../mistake/mistake.ts'

/** Whether only programs on this machine can reach what listens there. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '')
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'))
}

/**
 * Where everybody on this machine may do everything, a browser on it must not do so for a page from elsewhere: not for one
 * that sends requests across (`Origin`), and not for one whose name was made to point here (`Host`). Throws `E_FORBIDDEN`.
 */
export function refuseForeignPages(headers: {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly 'sec-fetch-site'?: string | string[] | undefined
  readonly 'sec-fetch-mode'?: string | string[] | undefined
}): void {
  const { host = '', origin } = headers
  if (!isLoopback(nameIn(host)))
    throw new Mistake('E_FORBIDDEN', 'the request is for another host than this one', {
      hint: 'Without hub.tokens, only http://127.0.0.1 and http://localhost are answered.',
    })
  const isAcross = origin !== undefined && URL.parse(origin)?.host !== host.toLowerCase()
  // Browsers send no Origin with pictures and scripts that a page asks for, but say this; following a link is fine.
  const site = headers['sec-fetch-site']
  const isEmbedded =
    (site === 'cross-site' || site === 'same-site') && headers['sec-fetch-mode'] !== 'navigate'
  if (isAcross || isEmbedded)
    throw new Mistake('E_FORBIDDEN', 'the request comes from a page of another site', {
      hint: 'Set hub.tokens, and let the page send one.',
    })
}

function nameIn(host: string): string {
  return URL.parse(`http://${host}`)?.hostname ?? ''
}
