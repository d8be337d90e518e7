import type { NodeView } from '../../../src/wire/views.ts'

/** Why there is nothing to see, in words, and what to do about it. */
export interface EmptyReason {
  readonly title: string
  readonly hint: string
  readonly remedy?: 'clear filter' | 'go live' | 'resume'
}

export interface EmptyCircumstances {
  readonly filter: string
  readonly isLive: boolean
  readonly isPaused: boolean
  readonly source: string | undefined
  /** Undefined while nobody has told of them. */
  readonly nodes:
    | readonly Pick<NodeView, 'node' | 'component' | 'counters' | 'health' | 'silentMs'>[]
    | undefined
  /** What nodes had counted when this page began to watch. */
  readonly itemsBefore: number
  /** Workers that did not answer about what they keep. */
  readonly missing: readonly string[]
  /** Entries that were looked at, of those that are kept. */
  readonly scanned: number
}

/** The first thing that is in the way, from the capture to this page. */
export function emptyReason(now: EmptyCircumstances): EmptyReason {
  if (!now.isLive) return nothingKept(now)
  const workers = now.nodes?.filter(({ component }) => component === 'worker')
  if (workers === undefined)
    return { title: 'Waiting for the hub', hint: 'It tells at once which workers there are.' }
  if (workers.length === 0)
    return {
      title: 'No worker is connected',
      hint: 'Workers capture traffic. Start one with "remora worker", or use "remora tap" for both in one.',
    }
  if (now.isPaused)
    return { title: 'Paused', hint: 'New entries are kept back until you go on.', remedy: 'resume' }
  const packets = total(workers, 'packets')
  if (packets === 0)
    return {
      title: 'Workers are running, and no packet has come',
      hint: `${listed(workers.map(({ node }) => node))}: nothing on the interface, or the capture filter lets nothing through. "remora doctor" finds out which.`,
    }
  return nothingMatched(now, workers, packets)
}

function nothingMatched(
  { filter, itemsBefore }: EmptyCircumstances,
  workers: NonNullable<EmptyCircumstances['nodes']>,
  packets: number,
): EmptyReason {
  const items = total(workers, 'items')
  const since = Math.max(items - itemsBefore, 0)
  if (items === 0)
    return {
      title: `${packets.toLocaleString('en')} packets, and no entry in them yet`,
      hint: 'No protocol that Remora reads has been recognised. Connections that began before the capture may stay unread.',
    }
  if (filter.trim() !== '')
    return {
      title: 'The filter matches nothing',
      hint:
        since > 0
          ? `${count(since, 'entry', 'entries')} came since you began to look, and did not match.`
          : `${count(items, 'entry was', 'entries were')} seen before. New ones are shown as they come.`,
      remedy: 'clear filter',
    }
  if (since > 0)
    return {
      title: `${count(since, 'entry', 'entries')} came, and none is shown`,
      hint: 'An agent hides them (onItemQueried), or they were left out on the way: see Health.',
    }
  return {
    title: 'Nothing new',
    hint: `${count(items, 'entry was', 'entries were')} seen before, and the traffic is silent now: a capture file that has ended, or a quiet network.`,
  }
}

function nothingKept({ filter, source, missing, scanned }: EmptyCircumstances): EmptyReason {
  if (missing.length > 0)
    return {
      title: 'Not all workers answered',
      hint: `Missing: ${listed(missing)}. Try again, or look at Health.`,
    }
  if (filter.trim() !== '' && scanned > 0)
    return {
      title: 'The filter matches nothing',
      hint: `${count(scanned, 'entry', 'entries')} of this time did not match.`,
      remedy: 'clear filter',
    }
  return source !== undefined
    ? {
        title: 'There is no entry in this source',
        hint: 'It may be empty, or still be read.',
        remedy: 'go live',
      }
    : {
        title: 'Nothing is kept of this time',
        hint: 'Workers keep entries for a while only, and the oldest go first.',
        remedy: 'go live',
      }
}

/** Of all nodes together. */
export function total(nodes: readonly Pick<NodeView, 'counters'>[], counter: string): number {
  return nodes.reduce((sum, { counters }) => sum + (counters[counter] ?? 0), 0)
}

function count(number: number, one: string, more: string): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : more}`
}

function listed(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
}
