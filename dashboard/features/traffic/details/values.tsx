import { Button, Tooltip } from '@mantine/core'
import { useState } from 'react'
import { saveAs } from '../../../lib/api.ts'
import { formatBytes } from '../../../lib/format.ts'
import { cutText, visibleText } from '../../../lib/visible-text.ts'
import classes from './details.module.css'
import { FilterActions } from './filter-actions.tsx'
import type { FieldValue } from './sections.ts'

/** Names with values: headers, cookies, fields. */
export function Values({
  label,
  values,
}: {
  readonly label: string
  readonly values: readonly FieldValue[]
}) {
  const [most, setMost] = useState(FIRST_VALUES)
  return (
    <>
      <table className={classes.values} aria-label={label}>
        <tbody>
          {values.slice(0, most).map(({ name, path, value, doc }) => (
            <tr key={JSON.stringify(path)}>
              <th scope="row">
                <Tooltip
                  label={doc}
                  disabled={doc === ''}
                  openDelay={300}
                  multiline
                  maw={320}
                  position="top-start"
                >
                  <span>{visibleText(cutText(name, LONGEST_NAME).text)}</span>
                </Tooltip>
              </th>
              <td>
                <LongText text={plainText(value)} name={name} type={typeOf(value)} first={FIRST_LETTERS} />
              </td>
              <td>
                <FilterActions path={path} name={cutText(name, SHORT_NAME).text} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {values.length > most && (
        <div className={classes.long}>
          <Button size="compact-xs" variant="default" onClick={() => setMost(most * 4)}>
            {`Show more of ${values.length.toLocaleString('en')}`}
          </Button>
        </div>
      )}
    </>
  )
}

interface LongTextProps {
  readonly text: string
  readonly name: string
  readonly type?: ReturnType<typeof typeOf>
  /** How many letters are shown at once. */
  readonly first: number
}

/** A text of any length: its beginning, more of it when it is asked for, or all of it as a file. */
export function LongText({ text, name, type = 'text', first }: LongTextProps) {
  const [most, setMost] = useState(first)
  const { text: shown, isWhole } = cutText(text, most)
  return (
    <>
      <span className={classes.value} data-type={type}>
        {visibleText(shown)}
        {!isWhole && '…'}
      </span>
      {!isWhole && (
        <span className={classes.more}>
          <Button size="compact-xs" variant="default" onClick={() => setMost(most + MORE_LETTERS)}>
            {text.length - most <= MORE_LETTERS ? 'Show all' : `Show ${formatBytes(MORE_LETTERS)} more`}
          </Button>
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => saveAs(new Blob([text], { type: 'text/plain' }), `${fileName(name)}.txt`)}
          >
            {`Download all (${formatBytes(text.length)})`}
          </Button>
        </span>
      )}
    </>
  )
}

export function typeOf(value: unknown): 'text' | 'number' | 'boolean' | 'null' {
  if (value === null || value === undefined) return 'null'
  return typeof value === 'number' || typeof value === 'boolean'
    ? (typeof value as 'number' | 'boolean')
    : 'text'
}

export function plainText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** Nothing of the network gets into the name of a file as it is. */
export function fileName(name: string): string {
  return name.replace(/[^\w-]+/g, '-').slice(0, 60) || 'value'
}

const FIRST_VALUES = 200
const FIRST_LETTERS = 1000
const MORE_LETTERS = 100 << 10
const LONGEST_NAME = 200
const SHORT_NAME = 40
