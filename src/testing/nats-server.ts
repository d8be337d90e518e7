import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { hasTools } from './loopback.ts'
import { freePort, freePorts, untilListening } from './ports.ts'
import { tempFolder } from './temp-folder.ts'

/** A nats-server of its own for one test, ended after it. */
export interface NatsServer {
  readonly port: number
  readonly url: string
  /** Again on the same port, with what it has kept. */
  start(): Promise<void>
  /** As a machine that loses power, but for the disk. */
  kill(): Promise<void>
  /** In order. */
  stop(): Promise<void>
  /** All that it has kept is gone. */
  loseDisk(): void
  /** Stands still without ending, as when a network is cut, and goes on. */
  freeze(): void
  thaw(): void
}

export interface NatsServerOptions {
  readonly jetStream?: boolean
  /** More arguments. */
  readonly args?: readonly string[]
  /** Leave it to the test to start it. */
  readonly isAbsent?: boolean
}

/** Three servers that keep everything together. */
export async function natsCluster(t: TestContext): Promise<NatsServer[] | undefined> {
  const routes = await freePorts(3)
  const servers: NatsServer[] = []
  for (const [at, route] of routes.entries()) {
    const all = routes.map((port) => `nats://127.0.0.1:${port}`).join()
    const cluster = [
      '-n',
      `n${at}`,
      '-cluster_name',
      'c',
      '-cluster',
      `nats://127.0.0.1:${route}`,
      '-routes',
      all,
    ]
    const server = await natsServer(t, { args: cluster })
    if (server === undefined) return undefined
    servers.push(server)
  }
  return servers
}

/** Undefined, and the test skipped, where nats-server is not installed; in CI that fails. */
export async function natsServer(
  t: TestContext,
  { jetStream = true, args = [], isAbsent = false }: NatsServerOptions = {},
): Promise<NatsServer | undefined> {
  if (!hasTools(t, 'nats-server')) return undefined
  let child: ChildProcess | undefined
  const end = async (signal: NodeJS.Signals) => {
    const ending = child
    child = undefined
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
    ending.kill(signal)
    await once(ending, 'exit')
  }
  // Before its folder goes: what was asked for first is done first.
  t.after(() => end('SIGKILL'))
  const folder = await tempFolder(t)
  const port = await freePort()
  const server: NatsServer = {
    port,
    url: `nats://127.0.0.1:${port}`,
    async start() {
      const storage = jetStream ? ['-js', '-sd', folder] : []
      child = spawn('nats-server', ['-a', '127.0.0.1', '-p', `${port}`, ...storage, ...args], {
        stdio: 'ignore',
      })
      await untilListening(port, child)
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    loseDisk: () => rmSync(folder, { recursive: true, force: true }),
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
  }
  if (!isAbsent) await server.start()
  return server
}
