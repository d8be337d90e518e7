import { knownProtocols } from '../dissectors/known.ts'
import { type Layout, layoutsFor } from '../entry/layout.ts'
import { agentProtocol, type DissectorSettings } from './host/agent-protocol.ts'
import type { LayoutsMessage } from './host/protocol.ts'

/** What agents read of the traffic, and so what crosses to them. */
export interface Demand {
  /** Frames say for which demand they were made. */
  readonly version: number
  /** Fields of entries, and of packets. */
  readonly items: readonly string[]
  readonly packets: readonly string[]
  /** Dissectors of agents, which are shown connections. */
  readonly dissectors: readonly Pick<DissectorSettings, 'transport' | 'ports'>[]
}

/** A dissector and the slot of its agent. */
export interface PlacedDissector {
  readonly slot: number
  readonly settings: DissectorSettings
}

/** How entries that were kept are read: everything of protocols that are known, and of others what all entries have. */
export function storedLayouts(): readonly Layout[] {
  const everything = new Set(['*'])
  const any = agentProtocol({ ...UNKNOWN, transport: 'tcp', ports: [], pairing: 'none' })
  return [...layoutsFor(knownProtocols, everything), ...layoutsFor([any], everything)]
}

const UNKNOWN = {
  name: '',
  abbr: '',
  longName: '',
  version: '',
  backgroundColor: '',
  foregroundColor: '',
  referenceLink: '',
}

/** The layouts of what agents read stand behind those of the protocols that we read. */
export function layoutsMessage(
  version: number,
  items: ReadonlySet<string>,
  dissectors: readonly PlacedDissector[],
): LayoutsMessage {
  const known = layoutsFor(knownProtocols, items)
  const made = layoutsFor(
    dissectors.map(({ settings }) => agentProtocol(settings)),
    items,
  )
  return {
    version,
    layouts: [...known, ...made],
    dissectors: dissectors.map(({ slot, settings: { name } }, at) => ({
      slot,
      name,
      layout: known.length + at,
    })),
  }
}
