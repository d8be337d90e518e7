import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { freePorts } from './ports.ts'

export interface RabbitMq {
  readonly amqpPort: number
  readonly mqttPort: number
  /** What it has logged. */
  log(): string
}

/** A RabbitMQ of its own for one test, with its plugin for MQTT, in a folder that exists; gone afterwards. It takes its time. */
export async function rabbitMq(t: TestContext, folder: string): Promise<RabbitMq> {
  const [amqpPort, mqttPort, namesPort, nodesPort] = (await freePorts(4)) as [number, number, number, number]
  // Its scripts in /usr/sbin go to another user and folder.
  const [program] = globSync('/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server')
  if (program === undefined) throw new Error('rabbitmq-server is not where Debian has it')
  mkdirSync(join(folder, 'log'))
  writeFileSync(join(folder, 'plugins'), '[rabbitmq_mqtt].')
  writeFileSync(
    join(folder, 'rabbitmq.conf'),
    `listeners.tcp.1 = 127.0.0.1:${amqpPort}\nmqtt.listeners.tcp.1 = 127.0.0.1:${mqttPort}\nlog.console = true\n`,
  )
  const env = {
    ...process.env,
    HOME: folder,
    ERL_EPMD_PORT: String(namesPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `remora-${process.pid}@localhost`,
    RABBITMQ_DIST_PORT: String(nodesPort),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
  }
  // Erlang would start the server of node names in the background, and leave it there.
  const names = spawn('epmd', ['-port', String(namesPort), '-address', '127.0.0.1'], { env, stdio: 'ignore' })
  const server = spawn(program, [], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(async () => {
    // Erlang is a child of the script, and both are in a group of their own.
    process.kill(-(server.pid as number), 'SIGKILL')
    await ended(server)
    names.kill()
    await ended(names)
  })
  let said = ''
  for (const stream of [server.stdout, server.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
  for (const end = Date.now() + PATIENCE_MS; !said.includes(' completed with '); await setTimeout(100))
    if (server.exitCode !== null || Date.now() > end)
      throw new Error(`rabbitmq-server does not start: ${said}`)
  return { amqpPort, mqttPort, log: () => said }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
}

const PATIENCE_MS = 60_000
