import type { DescribedProtocol } from '../entry/described.ts'

/**
 * Every protocol with all that is said of its fields, in the order of `entryProtocols`. `npm run gen` writes it; it is read when
 * somebody asks, since only people do.
 */
export async function describedProtocols(): Promise<readonly DescribedProtocol[]> {
  const { default: protocols } = await import('./generated/described.json', { with: { type: 'json' } })
  return protocols as unknown as readonly DescribedProtocol[]
}
