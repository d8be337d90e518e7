import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compileFilter } from '../../filter/index.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { goldenEntries } from '../../testing/entry-json.ts'
import { ATOMS, ODD_ENTRIES } from '../../testing/filters.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { listFolder } from './files.ts'
import { EntryLog } from './log.ts'
import { Scanner, type ScanTask } from './scanner.ts'

describe('what a query finds', () => {
  test('is what its filter matches, with columns and without', async (t) => {
    const golden = (await goldenEntries()).filter((_, at) => at % 3 !== 0)
    const entries = [...golden, ...ODD_ENTRIES]
    const scans = await scansOf(t, [golden, ODD_ENTRIES])
    const parsed = entries.map(parse)
    let matching = 0
    const check = (text: string, prefer: 'kfl1' | 'kfl2') => {
      const filter = compiled(text, prefer)
      if (filter === undefined) return
      const expected = entries.filter((_, at) => {
        const entry = parsed[at]
        return entry !== undefined && safely(filter.matches, entry.value)
      })
      matching += expected.length
      for (const [name, scan] of Object.entries(scans))
        assert.deepEqual(scan(text, prefer).map(short), expected.map(short), `${name}: ${prefer} ${text}`)
    }
    for (const atom of ATOMS) for (const prefer of ['kfl1', 'kfl2'] as const) check(atom, prefer)
    const filters = fc.letrec<{ filter: string }>((tie) => ({
      filter: fc.oneof(
        { maxDepth: 3, depthSize: 'small' },
        fc.constantFrom(...ATOMS),
        fc
          .tuple(tie('filter'), fc.constantFrom('and', 'or', '&&', '||'), tie('filter'))
          .map(([a, op, b]) => `(${a} ${op} ${b})`),
        tie('filter').map((inner) => `!(${inner})`),
      ),
    })).filter
    fc.assert(fc.property(filters, fc.constantFrom('kfl1' as const, 'kfl2' as const), check), {
      numRuns: 60,
    })
    assert.ok(matching > 1000, `only ${matching} matches: the filters ask for nothing`)
  })
})

async function scansOf(t: Parameters<typeof tempFolder>[0], parts: readonly (readonly string[])[]) {
  const folder = await tempFolder(t)
  const log = new EntryLog({ folder, ttlMs: 1e9, mostBytes: 1e9 })
  // Apart: what is escaped needlessly makes a segment slow.
  for (const part of parts) {
    log.append(new Float64Array(part.length), part)
    log.finish()
  }
  while (log.seal());
  const { segments } = listFolder(folder)
  assert.ok(segments.length > 0 && segments.every(({ sealed }) => sealed !== undefined))
  const scan = (withColumns: boolean) => {
    const scanners = { kfl1: new Scanner(folder), kfl2: new Scanner(folder) }
    return (text: string, prefer: 'kfl1' | 'kfl2') =>
      segments.flatMap(({ id, sealed }) => {
        const columns = withColumns ? sealed?.file : undefined
        const task: ScanTask = {
          ...EVERYTHING,
          segment: id,
          columns,
          filter: { text, prefer, macros: {}, now: 0 },
        }
        const { entries: found, damagedColumns, scanned } = scanners[prefer].scan(task, () => false)
        assert.equal(damagedColumns, false)
        assert.equal(scanned, sealed?.rows)
        return found.map(({ json }) => json).reverse()
      })
  }
  return { columns: scan(true), lines: scan(false) }
}

const EVERYTHING = {
  before: Number.MAX_SAFE_INTEGER,
  from: undefined,
  to: undefined,
  limit: 1e9,
  mostBytes: 1e12,
  marks: [],
}

function compiled(text: string, prefer: 'kfl1' | 'kfl2') {
  try {
    return compileFilter(text, { prefer })
  } catch (error) {
    if (error instanceof Mistake) return undefined
    throw error
  }
}

const short = (json: string) => json.slice(0, 200)

function parse(json: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(json) }
  } catch {
    return undefined
  }
}

function safely(matches: (entry: unknown) => boolean, entry: unknown): boolean {
  try {
    return matches(entry)
  } catch {
    return false
  }
}
