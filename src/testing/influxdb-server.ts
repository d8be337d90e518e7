import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { z } from 'zod'
import { freePorts, untilListening } from './ports.ts'

export interface InfluxDb {
  readonly url: string
  /** Rows of each series that a query gives. */
  query(text: string): Promise<readonly Series[]>
}

export type Series = z.infer<typeof answer>['results'][number]['series'][number]

/** An InfluxDB 1 of its own for one test, with one user, `remora:fish`, in a folder that exists. */
export async function influxDb(t: TestContext, folder: string): Promise<InfluxDb> {
  const [port, backupPort] = (await freePorts(2)) as [number, number]
  const config = join(folder, 'influxdb.conf')
  writeFileSync(
    config,
    [
      'reporting-disabled = true',
      `bind-address = "127.0.0.1:${backupPort}"`,
      `[meta]\ndir = "${join(folder, 'meta')}"`,
      `[data]\ndir = "${join(folder, 'data')}"\nwal-dir = "${join(folder, 'wal')}"`,
      `[http]\nbind-address = "127.0.0.1:${port}"\nauth-enabled = true`,
      '',
    ].join('\n'),
  )
  const server = spawn('influxd', ['run', '-config', config], { stdio: 'ignore' })
  const ended = once(server, 'close')
  t.after(async () => {
    server.kill('SIGKILL')
    await ended
  })
  await untilListening(port, server)
  const url = `http://127.0.0.1:${port}`
  const query = async (text: string) => {
    const response = await fetch(`${url}/query?db=traffic&epoch=ns&u=remora&p=fish`, {
      method: 'POST',
      body: new URLSearchParams({ q: text }),
    })
    const { results } = answer.parse(await response.json())
    return results.flatMap(({ series }) => series)
  }
  await query(`CREATE USER remora WITH PASSWORD 'fish' WITH ALL PRIVILEGES`)
  await query('CREATE DATABASE traffic')
  return { url, query }
}

const answer = z.object({
  results: z.array(
    z.object({
      error: z.never().optional(),
      series: z
        .array(
          z.object({
            name: z.string(),
            tags: z.record(z.string(), z.string()).optional(),
            columns: z.array(z.string()),
            values: z.array(z.array(z.unknown())),
          }),
        )
        .default([]),
    }),
  ),
})
