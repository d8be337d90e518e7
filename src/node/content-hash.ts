import { createHash } from 'node:crypto'

/** Of `contentOf` an object of the cluster: the same for the same content, 96 bits of SHA-256. */
export function contentHash(content: string): string {
  return createHash('sha256').update(content).digest('base64url').slice(0, 16)
}
