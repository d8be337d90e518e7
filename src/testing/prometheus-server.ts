import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { freePort, untilListening } from './ports.ts'

export interface Prometheus {
  /** Value of the only series that an expression gives, once there is one that `suits`. */
  value(expression: string, suits?: (value: number) => boolean): Promise<number>
}

/** A Prometheus of its own for one test: asks the target every second, and keeps what it hears in the folder. */
export async function prometheus(t: TestContext, folder: string, target: string): Promise<Prometheus> {
  const config = join(folder, 'prometheus.yml')
  writeFileSync(
    config,
    [
      'global: { scrape_interval: 1s, scrape_timeout: 1s }',
      'scrape_configs:',
      `  - { job_name: remora, static_configs: [{ targets: ["${target}"] }] }`,
      '',
    ].join('\n'),
  )
  const port = await freePort()
  const server = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'tsdb')}`,
      '--storage.tsdb.retention.time=1h',
      '--storage.tsdb.retention.size=64MB',
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore', env: { ...process.env, GOMAXPROCS: '1' } },
  )
  const ended = once(server, 'close')
  t.after(async () => {
    server.kill()
    await ended
  })
  await untilListening(port, server)
  return {
    value: async (expression, suits = () => true) => {
      for (const end = Date.now() + PATIENCE_MS; ; await setTimeout(200)) {
        const found = await query(port, expression)
        if (found !== undefined && suits(found)) return found
        if (Date.now() > end) throw new Error(`Prometheus answers ${found} to ${expression}`)
      }
    },
  }
}

async function query(port: number, expression: string): Promise<number | undefined> {
  const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`
  const response = await fetch(url)
  // It says 503 while it starts.
  if (!response.ok) return undefined
  const { data } = queryAnswer.parse(await response.json())
  if (data.result.length > 1) throw new Error(`${expression} is ${data.result.length} series`)
  const [series] = data.result
  return series === undefined ? undefined : Number(series.value[1])
}

const queryAnswer = z.object({
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
})

const PATIENCE_MS = 60_000
