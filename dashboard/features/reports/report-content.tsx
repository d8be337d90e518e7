import { useMemo } from 'react'
import type { ReportView } from '../../../src/wire/reports.ts'
import { type Column, Listing } from '../../components/listing/listing.tsx'
import { EmptyState } from '../../components/states.tsx'
import { formatBytes } from '../../lib/format.ts'
import { cutText, visibleText } from '../../lib/visible-text.ts'
import { readCsv } from './csv.ts'
import { framed } from './framed.ts'
import classes from './reports.module.css'

interface Props {
  readonly report: ReportView
  readonly text: string
}

/** A page, without scripts and without a way to anywhere. */
export function Page({ report, text }: Props) {
  const page = useMemo(() => framed(text), [text])
  if (page === undefined)
    return (
      <EmptyState title="This page is not shown">
        It reads differently each time it is written out, as pages do that want to hide something. Look at its
        source.
      </EmptyState>
    )
  return (
    <iframe
      className={classes.page}
      title={`Report ${report.name}`}
      sandbox=""
      referrerPolicy="no-referrer"
      srcDoc={page}
    />
  )
}

/** The first line has the names of the columns. */
export function Sheet({ report, text }: Props) {
  const { head, lines } = useMemo(() => sheetOf(text), [text])
  const columns = head.slice(0, MOST_COLUMNS).map(
    (name, at): Column<Line> => ({
      name: `column ${at + 1}`,
      head: name,
      ...(at < head.length - 1 ? { width: COLUMN_WIDTH } : {}),
      title: ({ fields }) => fields[at],
      cell: ({ fields }) => fields[at] ?? '',
    }),
  )
  return <Listing label={`Rows of ${report.name}`} columns={columns} rows={lines} keyOf={({ key }) => key} />
}

function sheetOf(text: string): { readonly head: readonly string[]; readonly lines: readonly Line[] } {
  const [head = [], ...rows] = readCsv(visibleText(text))
  return { head, lines: rows.map((fields, at) => ({ fields, key: String(at) })) }
}

interface Line {
  readonly key: string
  readonly fields: readonly string[]
}

/** The text as it is; of a long one the beginning. */
export function Source({ report, text }: Props) {
  const whole = useMemo(() => visibleText(report.format === 'json' ? prettyJson(text) : text), [report, text])
  const { text: shown, isWhole } = cutText(whole, MOST_SHOWN)
  return (
    <pre className={classes.source} tabIndex={whole === '' ? -1 : 0}>
      {shown}
      {!isWhole && (
        <span className={classes.muted}>
          {`\n\n… and ${formatBytes(whole.length - MOST_SHOWN)} more: download it to see all.`}
        </span>
      )}
    </pre>
  )
}

function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2)
  } catch {
    return text
  }
}

const MOST_COLUMNS = 200
const COLUMN_WIDTH = 170
/** Characters; browsers are slow with more in one piece. */
const MOST_SHOWN = 500_000
