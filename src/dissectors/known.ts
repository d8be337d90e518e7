import type { EntryProtocol } from '../entry/entry.ts'
import protocols from './generated/protocols.json' with { type: 'json' }

/**
 * What entries can be of and what they have, in the order of `entryProtocols`, for those who read no traffic: the dissectors
 * themselves take a while to load. `npm run gen` writes it from them.
 */
export type KnownProtocol = Pick<EntryProtocol, 'name' | 'protocols' | 'request' | 'response' | 'data'>

export const knownProtocols = protocols as unknown as readonly KnownProtocol[]
