import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { emulatorFile } from './emulator.ts'
import { startProgram } from './programs.ts'

/** Of the account that Azurite always has; everybody knows its key. */
export const AZURITE_ACCOUNT = 'devstoreaccount1'
export const AZURITE_KEY =
  'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='

/** Microsoft's emulator of Blob Storage, with nothing on the disk, for one test. Answers the address of its account. */
export async function azurite(t: Pick<TestContext, 'after'>, more: readonly string[] = []): Promise<string> {
  const program = emulatorFile('azurite', 'dist', 'src', 'blob', 'main.js')
  const quiet = ['--inMemoryPersistence', '--disableTelemetry', '--silent', '--skipApiVersionCheck']
  const server = startProgram(t, process.execPath, [program, '--blobPort', '0', ...quiet, ...more])
  let said = ''
  server.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
    const [, url] = /successfully listens on (\S+)/.exec(said) ?? []
    if (url !== undefined) server.emit('listening', url)
  })
  const ended = () => server.emit('error', new Error(`azurite: ${said}`))
  server.once('exit', ended)
  const [url] = await once(server, 'listening')
  server.off('exit', ended)
  return `${url}/${AZURITE_ACCOUNT}`
}
