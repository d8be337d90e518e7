import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Mistake } from '../../mistake/mistake.ts'

export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

/** What a TLS server needs; undefined when there is to be none. Throws `E_CONFIG_VALUE` that names the bad file. */
export async function readTls({ cert, key }: TlsFiles): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  if (cert === '' && key === '') return undefined
  if (cert === '' || key === '') {
    const [there, missing] = cert === '' ? ['key', 'cert'] : ['cert', 'key']
    throw new Mistake('E_CONFIG_VALUE', `hub.tls.${there} is set, and hub.tls.${missing} is not`)
  }
  const certificate = await read('cert', cert, (text) => new X509Certificate(text))
  const secret = await read('key', key, (text) => createPrivateKey(text))
  if (!certificate.value.checkPrivateKey(secret.value))
    throw new Mistake('E_CONFIG_VALUE', `hub.tls.key: ${key} is not the key of the certificate ${cert}`)
  return { cert: certificate.text, key: secret.text }
}

async function read<T>(
  name: string,
  file: string,
  parse: (text: Buffer) => T,
): Promise<{ readonly text: Buffer; readonly value: T }> {
  try {
    const text = await readFile(file)
    return { text, value: parse(text) }
  } catch (cause) {
    const reason = cause instanceof Error && 'syscall' in cause ? cause.message : 'it is not PEM of that kind'
    throw new Mistake('E_CONFIG_VALUE', `hub.tls.${name}: ${file} cannot be used: ${reason}`, { cause })
  }
}
