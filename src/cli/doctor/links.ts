import { readFileSync } from 'node:fs'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node'
import type { Config, LoadedConfig } from '../../config/index.ts'
import { redactedText } from '../../log/redact.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { CLOCK_SKEW_MS } from '../../wire/nodes.ts'
import { urlOf } from '../hub-options.ts'
import { clusterFinding } from './cluster.ts'
import { type Finding, found, ok, warning } from './finding.ts'

/** The other programs that the configuration names, and whether they can be reached. */
export async function linkFindings(
  { config, origins }: LoadedConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Finding[]> {
  const isHubNamed = [...origins.keys()].some((key) => key.startsWith('tap.proxy'))
  const { kubernetes, hub: ownHub } = config
  const isInCluster = env.KUBERNETES_SERVICE_HOST !== undefined
  const isNamed = kubernetes.kubeconfig !== '' || kubernetes.context !== ''
  const isWanted = kubernetes.enabled === 'on' || (kubernetes.enabled === 'auto' && (isInCluster || isNamed))
  const keepsAgents = ownHub.store === 'configmap'
  const checks = [
    ...(config.nats.url === '' ? [] : [natsFindings(config)]),
    ...(config.entries.store === 'clickhouse' ? [single('clickhouse', true, () => clickhouse(config))] : []),
    ...(isWanted || keepsAgents
      ? [single('kubernetes', keepsAgents || kubernetes.enabled === 'on', () => clusterFinding(config, env))]
      : []),
    hub(config, isHubNamed).then((finding) => [finding]),
  ]
  return (await Promise.all(checks)).flat()
}

async function single(what: string, isNeeded: boolean, check: () => Promise<Finding>): Promise<Finding[]> {
  return [await found(what, isNeeded, check)]
}

async function natsFindings({ nats }: Config): Promise<Finding[]> {
  const what = 'nats'
  let connection: NatsConnection | undefined
  try {
    const { connect } = await import('@nats-io/transport-node')
    connection = await connect(await natsOptions(nats))
    const rtt = await connection.rtt()
    const server = `${redactedText(nats.url)}, server ${connection.info?.version}, answers in ${rtt} ms`
    return [ok(what, server), await jetStream(connection, nats.prefix)]
  } catch (error) {
    const why = `${redactedText(nats.url)} cannot be used: ${redactedText(String((error as Error).message))}`
    const hint = /auth|permission|credential/i.test(why)
      ? 'look at nats.user, nats.password, nats.token and nats.creds'
      : 'start NATS there, or correct nats.url'
    return [{ what, state: 'not possible', why, hint, isNeeded: true }]
  } finally {
    await connection?.close()
  }
}

async function natsOptions(nats: Config['nats']): Promise<ConnectionOptions> {
  const { url, user, password, token, creds, tls } = nats
  const { credsAuthenticator } = await import('@nats-io/transport-node')
  return {
    servers: url.split(',').map((each) => each.trim()),
    timeout: PATIENCE_MS,
    reconnect: false,
    name: 'remora doctor',
    ...(user === '' ? {} : { user, pass: password }),
    ...(token === '' ? {} : { token }),
    ...(creds === '' ? {} : { authenticator: credsAuthenticator(readFileSync(creds)) }),
    ...(tls.ca === '' && tls.cert === ''
      ? {}
      : {
          tls: {
            ...(tls.ca === '' ? {} : { caFile: tls.ca }),
            ...(tls.cert === '' ? {} : { certFile: tls.cert, keyFile: tls.key }),
          },
        }),
  }
}

/** Makes a stream in memory and removes it again: that shows whether we may, and what time it is there. */
async function jetStream(connection: NatsConnection, prefix: string): Promise<Finding> {
  const what = 'jetstream'
  const { jetstreamManager, StorageType } = await import('@nats-io/jetstream')
  const name = `${prefix}_doctor_${process.pid}`
  try {
    const manager = await jetstreamManager(connection, { timeout: PATIENCE_MS })
    const before = Date.now()
    const { created } = await manager.streams.add({
      ...{ name, subjects: [`${prefix}.doctor.${process.pid}`] },
      storage: StorageType.Memory,
    })
    const between = (before + Date.now()) / 2
    await manager.streams.delete(name)
    const skew = Math.round(between - Date.parse(created))
    const off = `our clock is ${Math.abs(skew)} ms ${skew < 0 ? 'behind' : 'ahead of'} that of the server`
    if (Math.abs(skew) > CLOCK_SKEW_MS)
      return warning(what, `on; ${off}`, 'keep the clocks of all machines with NTP')
    return ok(what, `on, streams may be made; ${off}`)
  } catch (error) {
    const why = `streams cannot be made: ${redactedText(String((error as Error).message))}`
    const hint = 'start nats-server with -js, and allow the user $JS.API.>'
    return { what, state: 'not possible', why, hint, isNeeded: true }
  }
}

async function hub(config: Config, isNamed: boolean): Promise<Finding> {
  const url = `${urlOf({}, config)}/healthz`
  try {
    const { status } = await get(url, {})
    if (status === 200) return ok('hub', `${url} answers`)
    return warning('hub', `${url} answers ${status}`, `another program may listen there`)
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    if (isNamed) return warning('hub', error.message, 'start it with remora hub, or correct tap.proxy')
    return ok('hub', 'none runs on this machine, and none is configured')
  }
}

async function clickhouse({ entries: { clickhouse: settings } }: Config): Promise<Finding> {
  const { url, user, password, database } = settings
  const address = new URL(url)
  address.searchParams.set('query', 'SELECT version()')
  const headers = { 'x-clickhouse-user': user, ...(password === '' ? {} : { 'x-clickhouse-key': password }) }
  const { status, text } = await get(address.href, headers)
  const shown = redactedText(url)
  if (status === 200) return ok('clickhouse', `${shown}, version ${text.trim()}, database ${database}`)
  throw new Mistake(
    'E_STORE',
    `ClickHouse at ${shown} answers ${status}: ${redactedText(text).slice(0, 200).trim()}`,
    {
      hint: 'look at entries.clickhouse.url, .user and .password',
    },
  )
}

/** The first bytes of an answer. Rejects with a Mistake when there is none in time. */
function get(
  url: string,
  headers: Readonly<Record<string, string>>,
  ca?: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
  const fail = (why: string) => {
    const shown = redactedText(url.split('?')[0] ?? '')
    reject(
      new Mistake('E_HUB_UNREACHABLE', `${shown} cannot be reached: ${why}`, {
        hint: 'start it, or correct its address',
      }),
    )
  }
  // Without an authority to hold it to, nothing secret is sent.
  const options = {
    headers,
    timeout: PATIENCE_MS,
    ...(ca === undefined ? { rejectUnauthorized: false } : { ca }),
  }
  const request = url.startsWith('https:') ? requestHttps(url, options) : requestHttp(url, options)
  const tooLong = setTimeout(() => request.destroy(new Error('no answer in time')), PATIENCE_MS)
  request.on('error', (error) => {
    clearTimeout(tooLong)
    fail((error as NodeJS.ErrnoException).code ?? error.message)
  })
  request.on('response', (response) => {
    let text = ''
    response.setEncoding('utf8').on('data', (part: string) => {
      text = (text + part).slice(0, MOST_TEXT)
    })
    response.on('error', (error) => fail(error.message))
    response.on('end', () => {
      clearTimeout(tooLong)
      resolve({ status: response.statusCode ?? 0, text })
    })
  })
  request.end()
  return promise
}

const PATIENCE_MS = 3000
const MOST_TEXT = 4096
