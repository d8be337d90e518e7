import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { tempFolder } from './temp-folder.ts'

export interface Certificate {
  /** PEM; the certificate is its own authority. */
  readonly cert: string
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
}

/** For a server on the loopback, known by this name and nothing else. */
export async function certificate(t: Pick<TestContext, 'after'>, name = 'localhost'): Promise<Certificate> {
  const folder = await tempFolder(t)
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const request = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name}`
  const files = ['-addext', `subjectAltName=DNS:${name}`, '-keyout', keyFile, '-out', certFile]
  await promisify(execFile)('openssl', [...request.split(' '), ...files])
  return {
    cert: await readFile(certFile, 'utf8'),
    key: await readFile(keyFile, 'utf8'),
    certFile,
    keyFile,
  }
}
