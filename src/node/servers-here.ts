import { readFile } from 'node:fs/promises'

/** Where the files are that name resolvers. */
export interface ResolverFiles {
  readonly resolvConf?: string
  /** What systemd-resolved asks, where it answers on this machine: https://man7.org/linux/man-pages/man8/systemd-resolved.8.html */
  readonly upstream?: string
}

/** Addresses of the resolvers of this machine. https://man7.org/linux/man-pages/man5/resolv.conf.5.html */
export async function nameserversHere({
  resolvConf = '/etc/resolv.conf',
  upstream = '/run/systemd/resolve/resolv.conf',
}: ResolverFiles = {}): Promise<string[]> {
  const asked = await nameserversIn(resolvConf)
  const isStub = asked.some((address) => address.startsWith('127.'))
  return isStub ? [...new Set([...asked, ...(await nameserversIn(upstream))])] : asked
}

/** `10.96.0.1:443`, as every pod is told; "" elsewhere. */
export function apiServerHere(environment: Readonly<Record<string, string | undefined>>): string {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = environment
  return host === '' ? '' : `${host}:${port}`
}

/** `10.0.0.1:80` and `[fd00::1]:80`; also `fd00::1:80`, whose last part is the port. */
export function splitPort(text: string): { readonly address: string; readonly port: number } {
  const at = text.lastIndexOf(':')
  return { address: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) }
}

async function nameserversIn(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address = '']) => address)
}
