import { Command } from 'commander'
import type { HubClient } from '../../client/hub-client.ts'
import type { EntriesQuery } from '../../wire/entries.ts'
import { entryLine } from '../entry-line.ts'
import { addHubOptions, type HubFlags, withHub } from '../hub-options.ts'
import { untilInterrupt } from '../interrupt.ts'
import { connectionNotes, note, printLineTo } from '../print.ts'
import { momentOf, wholeNumber } from '../text.ts'

interface EntriesFlags extends HubFlags {
  readonly follow?: boolean
  readonly limit?: string
  readonly from?: string
  readonly to?: string
  readonly json?: boolean
}

export function entriesCommand(): Command {
  const command = new Command('entries')
    .description('Print entries that the workers keep: the newest that match, in the order of time.')
    .argument('[filter]', 'as in `remora run --entries`: "http and response.status >= 500"', '')
    .option(
      '--follow',
      'print those that come from now on, until Ctrl-C; with --limit after so many that are kept',
    )
    .option('--limit <n>', 'so many at most (100)')
    .option('--from <time>', 'not before: 10m (ten minutes ago), or a time as in RFC 3339')
    .option('--to <time>', 'not after')
    .option('--json', 'print each entry as a line of JSON')
    .action((filter: string, flags: EntriesFlags) => withHub(flags, (hub) => entries(hub, filter, flags)))
  return addHubOptions(command)
}

async function entries(hub: HubClient, filter: string, flags: EntriesFlags): Promise<void> {
  const follows = flags.follow === true
  if (!follows || flags.limit !== undefined) await printKept(hub, filter, flags)
  if (!follows) return
  let dropped = 0
  for await (const part of hub.live(filter, connectionNotes, untilInterrupt())) {
    for (const json of part.entries) await print(json, flags)
    dropped += part.dropped
    if (part.dropped > 0)
      note(`${part.dropped} more matched on ${part.node}, too many to show them; ${dropped} by now`)
  }
}

/** Newest first is how they are asked for; people read on at the end. */
async function printKept(hub: HubClient, filter: string, flags: EntriesFlags): Promise<void> {
  const wanted = flags.limit === undefined ? USUAL : wholeNumber(flags.limit, '--limit')
  const now = Date.now()
  const query = {
    filter,
    ...(flags.from === undefined ? {} : { from: momentOf(flags.from, '--from', now) }),
    ...(flags.to === undefined ? {} : { to: momentOf(flags.to, '--to', now) }),
  }
  const { found, missing } = await collect(hub, query, wanted)
  for (const json of found.toReversed()) await print(json, flags)
  if (missing.size > 0) note(`no answer from ${[...missing].join(', ')}: their entries are missing`)
  if (found.length === 0 && flags.json !== true) note('no entries match')
}

async function collect(hub: HubClient, query: Omit<EntriesQuery, 'limit'>, wanted: number) {
  const found: string[] = []
  const missing = new Set<string>()
  let cursor: string | null = null
  while (found.length < wanted) {
    const limit = Math.min(wanted - found.length, LARGEST_PAGE)
    const page = await hub.entries({ ...query, limit, ...(cursor === null ? {} : { cursor }) })
    found.push(...page.entries)
    for (const node of page.missing) missing.add(node)
    cursor = page.cursor
    if (cursor === null) break
  }
  return { found, missing }
}

async function print(json: string, flags: EntriesFlags): Promise<void> {
  const line = flags.json === true ? json : entryLine(json, process.stdout.columns ?? WIDE)
  await printLineTo(process.stdout, line)
}

const USUAL = 100
const LARGEST_PAGE = 1000
/** What is not read on a terminal. */
const WIDE = 160
