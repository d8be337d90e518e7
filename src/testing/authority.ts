import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { tempFolder } from './temp-folder.ts'

const openssl = promisify(execFile)
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** An authority of its own, and what it signs. */
export interface Authority {
  readonly cert: string
  /** SHA-256 of its certificate, as `openssl x509 -fingerprint` shows it: `AB:CD:…`. */
  readonly fingerprint: string
  /** A certificate for this name, without that of the authority. */
  sign(name: string): Promise<{ readonly cert: string; readonly key: string; readonly fingerprint: string }>
}

export async function authority(t: Pick<TestContext, 'after'>, name = 'test authority'): Promise<Authority> {
  const folder = await tempFolder(t)
  const file = (each: string) => join(folder, each)
  const [caKey, ca] = [file('ca.key'), file('ca.pem')]
  await openssl('openssl', [
    'req',
    '-x509',
    ...KEY,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    caKey,
    '-out',
    ca,
  ])
  const cert = await readFile(ca, 'utf8')
  let signed = 0
  return {
    cert,
    fingerprint: fingerprintOf(cert),
    async sign(host) {
      const own = (ending: string) => file(`${signed}.${ending}`)
      signed++
      await openssl('openssl', [
        'req',
        ...KEY,
        '-subj',
        `/CN=${host}`,
        '-keyout',
        own('key'),
        '-out',
        own('csr'),
      ])
      await writeFile(own('ext'), `subjectAltName=DNS:${host}`)
      const by = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '2', '-extfile', own('ext')]
      await openssl('openssl', ['x509', '-req', '-in', own('csr'), ...by, '-out', own('pem')])
      const leaf = await readFile(own('pem'), 'utf8')
      return { cert: leaf, key: await readFile(own('key'), 'utf8'), fingerprint: fingerprintOf(leaf) }
    },
  }
}

export function fingerprintOf(cert: string): string {
  return new X509Certificate(cert).fingerprint256
}
