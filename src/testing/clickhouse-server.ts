import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { freePorts } from './ports.ts'

export interface ClickHouseServer {
  readonly url: string
  /** Stops it, or lets it start again on the same port with the same data. */
  stop(): Promise<void>
  start(): Promise<void>
}

/** Where it is not installed the test is skipped; in CI that fails. */
export function hasClickHouse(t: TestContext): boolean {
  if (spawnSync('clickhouse-server', ['--help']).error === undefined) return true
  const message = 'clickhouse-server is not installed (apt-get install clickhouse-server)'
  if (process.env.CI) throw new Error(message)
  t.skip(message)
  return false
}

/** A server of its own for one test, with its data in a folder that exists. */
export async function clickHouseServer(t: TestContext, folder: string): Promise<ClickHouseServer> {
  const [http, tcp, interserver] = (await freePorts(3)) as [number, number, number]
  for (const name of ['data', 'tmp', 'format']) mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'config.xml'), config(folder, http, tcp, interserver))
  writeFileSync(join(folder, 'users.xml'), USERS)
  const url = `http://127.0.0.1:${http}`
  let server: ReturnType<typeof launch> | undefined
  const running: ClickHouseServer = {
    url,
    async start() {
      server = launch(folder)
      await untilAnswers(url, server)
    },
    async stop() {
      if (server === undefined) return
      const { child, ended } = server
      server = undefined
      child.kill('SIGTERM')
      const killer = globalThis.setTimeout(() => child.kill('SIGKILL'), 5000)
      await ended
      clearTimeout(killer)
    },
  }
  t.after(() => running.stop())
  await running.start()
  return running
}

function launch(folder: string) {
  const child = spawn('clickhouse-server', [`--config-file=${join(folder, 'config.xml')}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said = { text: '' }
  child.stderr.on('data', (chunk: Buffer) => {
    said.text = (said.text + chunk.toString()).slice(-4000)
  })
  return { child, ended: once(child, 'close'), said }
}

async function untilAnswers(url: string, { child, said }: ReturnType<typeof launch>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; ; await setTimeout(50)) {
    if (child.exitCode !== null || Date.now() > end)
      throw new Error(`clickhouse-server does not start: ${said.text}`)
    const answer = await fetch(`${url}/ping`).catch(() => undefined)
    if (answer?.ok === true) return
  }
}

function config(folder: string, http: number, tcp: number, interserver: number): string {
  return `<yandex>
  <logger><level>warning</level><console>1</console></logger>
  <http_port>${http}</http_port><tcp_port>${tcp}</tcp_port><interserver_http_port>${interserver}</interserver_http_port>
  <listen_host>127.0.0.1</listen_host>
  <max_concurrent_queries>50</max_concurrent_queries>
  <mark_cache_size>5368709</mark_cache_size>
  <path>${folder}/data/</path><tmp_path>${folder}/tmp/</tmp_path><format_schema_path>${folder}/format/</format_schema_path>
  <users_config>${folder}/users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
</yandex>
`
}

const USERS = `<yandex>
  <profiles><default></default></profiles>
  <users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
  <quotas><default></default></quotas>
</yandex>
`
const PATIENCE_MS = 60_000
