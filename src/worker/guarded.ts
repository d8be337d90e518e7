import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { apiServerHere, nameserversHere, type ResolverFiles, splitPort } from '../node/servers-here.ts'
import type { Protected } from '../policy/protection.ts'

export interface GuardedOptions {
  /** As the bus describes itself: `nats://10.0.0.1:4222`. */
  readonly bus: string
  /** Of hubs and workers: addresses with ports. */
  readonly ours: readonly string[]
  readonly resolvers?: ResolverFiles
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** What of this machine no rule may cut: its way to resolvers, NATS, the API server, hubs and workers, and theirs to it. */
export async function guardedHere({
  bus,
  ours,
  resolvers = {},
  environment = process.env,
}: GuardedOptions): Promise<Protected[]> {
  const own = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address)
  const api = apiServerHere(environment)
  const targets = [
    ...(await nameserversHere(resolvers)).flatMap((address) => [
      target('the DNS resolver', address, 53, 'UDP'),
      target('the DNS resolver', address, 53, 'TCP'),
    ]),
    ...(await serversIn(bus)).map(({ address, port }) => target('NATS', address, port, 'TCP')),
    ...(api === '' ? [] : [api]).map((each) => {
      const { address, port } = splitPort(each)
      return target('the API server', address, port, 'TCP')
    }),
    ...ours.flatMap((each) => {
      const { address, port } = splitPort(each)
      return isIP(address) === 0 ? [] : [target('Remora itself', address, port, 'TCP')]
    }),
  ]
  const others = ours.map((each) => splitPort(each).address).filter((each) => isIP(each) !== 0)
  return targets.flatMap(({ what, address, port, protocol }) =>
    [...new Set([...own, ...(what === 'the DNS resolver' ? [] : others)])].map((from) => ({
      what,
      flow: { from: { address: from }, to: { address }, port, protocol },
    })),
  )
}

function target(what: string, address: string, port: number, protocol: string) {
  return { what, address, port, protocol }
}

/** Of a name all its addresses, as far as they can be found now. */
async function serversIn(bus: string): Promise<{ readonly address: string; readonly port: number }[]> {
  const urls = bus.split(',').map((each) => each.trim())
  const found = await Promise.all(
    urls.map(async (url) => {
      if (!URL.canParse(url)) return []
      const { hostname, port } = new URL(url)
      const name = hostname.replace(/^\[|\]$/g, '')
      const addresses = await lookup(name, { all: true }).catch(() => [])
      return addresses.map(({ address }) => ({ address, port: Number(port) || NATS_PORT }))
    }),
  )
  return found.flat()
}

const NATS_PORT = 4222
