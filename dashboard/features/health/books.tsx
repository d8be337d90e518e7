import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react'
import type { NodeView } from '../../../src/wire/views.ts'
import { formatBytes, formatNumber } from '../../lib/format.ts'
import classes from './health.module.css'
import { type Book, booksOf } from './ledger.ts'
import { Section } from './section.tsx'

/** The ledger of each worker: what came in is what became of it. */
export function Books({ workers }: { readonly workers: readonly NodeView[] }) {
  if (workers.length === 0) return null
  return (
    <Section title="Ledger" note="what came in, and what became of all of it">
      {workers.map((worker) => (
        <div key={worker.node} className={classes.books}>
          {workers.length > 1 && <h3 className={classes.bookOwner}>{worker.node}</h3>}
          {booksOf(worker).map((book) => (
            <BookLine key={book.name} book={book} />
          ))}
        </div>
      ))}
    </Section>
  )
}

function BookLine({ book: { name, unit, total, parts, difference } }: { readonly book: Book }) {
  const amount = unit === 'bytes' ? formatBytes : formatNumber
  return (
    <div className={classes.book}>
      <span className={classes.state} data-level={difference === 0 ? 'good' : 'bad'}>
        {difference === 0 ? (
          <IconCircleCheck size={14} aria-hidden />
        ) : (
          <IconAlertTriangle size={14} aria-hidden />
        )}
        {difference === 0
          ? 'adds up'
          : `${amount(Math.abs(difference))} ${difference > 0 ? 'missing' : 'too many'}`}
      </span>
      <strong>{name}</strong>
      <span className={classes.sum}>
        {amount(total)} = {parts.map((part) => `${amount(part.value)} ${part.name}`).join(' + ')}
      </span>
    </div>
  )
}
