import classes from './inner-table.module.css'
import type { Column } from './listing.tsx'

interface Props<Row> {
  readonly label: string
  readonly columns: readonly Pick<Column<Row>, 'name' | 'isRight' | 'cell'>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
}

/** A short table in what is shown below a row. */
export function InnerTable<Row>({ label, columns, rows, keyOf }: Props<Row>) {
  return (
    <table className={classes.inner} aria-label={label}>
      <thead>
        <tr>
          {columns.map(({ name, isRight }) => (
            <th key={name} scope="col" className={isRight === true ? classes.right : undefined}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map(({ name, isRight, cell }) => (
              <td key={name} className={isRight === true ? classes.right : undefined}>
                {cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
