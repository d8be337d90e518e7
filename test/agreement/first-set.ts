import { type Comparison, type Counts, type Rows, tally } from './seen.ts'

export const http1: Comparison = (seen, truth) => {
  const http = truth.http as { requests?: Rows; responses?: Rows } | undefined
  if (http === undefined) return []
  const theirs = (http.requests?.rows ?? []).map(
    (row) => `${row[3]} ${String(row[5]).replace(/^[a-z]+:\/\/[^/]+/, '')}`,
  )
  // Interim replies are no replies of their own here.
  const statuses = (http.responses?.rows ?? [])
    .map((row) => String(row[3]))
    .filter((status) => !/^1(?!01)/.test(status))
  return [
    {
      what: 'request',
      ours: tally(seen.requests('http').map(({ method, url }) => `${method} ${url}`)),
      theirs: tally(theirs),
    },
    {
      what: 'status',
      ours: tally(seen.responses('http').map(({ status }) => String(status))),
      theirs: tally(statuses),
    },
  ]
}

export const dns: Comparison = (seen, truth) => {
  const counts = truth.dns as { queries: number; responses: number } | undefined
  if (counts === undefined) return []
  return [
    {
      what: 'dns',
      ours: { queries: seen.requests('dns').length, replies: seen.responses('dns').length },
      theirs: { queries: counts.queries, replies: counts.responses },
    },
  ]
}

export const redis: Comparison = (seen, truth) => {
  const { commands } = (truth.redis as { commands?: Rows } | undefined) ?? {}
  if (commands === undefined) return []
  return [
    {
      what: 'command',
      ours: tally(seen.requests('redis').map(({ command }) => String(command))),
      theirs: tally(commands.rows.map((row) => String(row[3]).toUpperCase())),
    },
  ]
}

export const tls: Comparison = (seen, truth) => {
  const hellos = truth.tls as { client_hellos?: Rows; server_hellos?: Rows } | undefined
  if (hellos === undefined) return []
  const types = [...seen.requests('tls', 'dtls'), ...seen.responses('tls', 'dtls')].map(({ type }) =>
    String(type),
  )
  return [
    {
      what: 'hello',
      ours: tally(types.filter((type) => type.endsWith('Hello'))),
      theirs: {
        ClientHello: hellos.client_hellos?.rows.length ?? 0,
        ServerHello: hellos.server_hellos?.rows.length ?? 0,
      },
    },
  ]
}

export const icmp: Comparison = (seen, truth) => {
  if (truth.icmp === undefined) return []
  const ours = [...seen.requests('icmp'), ...seen.responses('icmp')].filter(({ version }) => version === 4)
  return [
    {
      what: 'icmp',
      ours: tally(ours.map(({ type, code }) => `${type}/${code}`)),
      theirs: truth.icmp as Counts,
    },
  ]
}
