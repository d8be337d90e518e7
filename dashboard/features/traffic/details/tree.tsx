import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import type { ValuePath } from '../../../components/filter-box/clause.ts'
import { cutText, visibleLine } from '../../../lib/visible-text.ts'
import { opensAtFirst, pathKey, type TreeLine, treeLines } from '../json-tree.ts'
import classes from './details.module.css'
import { FilterActions } from './filter-actions.tsx'
import { FixedList } from './fixed-list.tsx'
import { typeOf } from './values.tsx'

interface Props {
  readonly label: string
  readonly value: unknown
  /** Where it is in the entry; undefined for what was read out of a text. */
  readonly path?: ValuePath
  readonly most?: number
}

/** Something with parts, of which some are open. */
export function Tree({ label, value, path, most }: Props) {
  const [touched, setTouched] = useState<ReadonlyMap<string, boolean>>(new Map())
  const { lines, isWhole } = useMemo(() => {
    const isOpen = (place: ValuePath) =>
      touched.get(pathKey(place)) ?? opensAtFirst(place, place.reduce(inside, value))
    return treeLines(value, { isOpen })
  }, [value, touched])
  const toggle = (line: TreeLine) =>
    setTouched((before) => new Map(before).set(pathKey(line.path), !line.isOpen))
  return (
    <>
      <FixedList
        label={label}
        count={lines.length}
        height={21}
        {...(most === undefined ? {} : { most })}
        line={(at, top) => {
          const line = lines[at]
          return line === undefined ? null : (
            <Line key={pathKey(line.path)} line={line} top={top} base={path} onToggle={() => toggle(line)} />
          )
        }}
      />
      {!isWhole && <div className={classes.nothing}>More is not shown: close some parts to see others.</div>}
    </>
  )
}

interface LineProps {
  readonly line: TreeLine
  readonly top: number
  readonly base: ValuePath | undefined
  readonly onToggle: () => void
}

function Line({ line: { key, path, depth, value, count, isOpen }, top, base, onToggle }: LineProps) {
  const name = key === undefined ? '' : visibleLine(cutText(String(key), LONGEST_KEY).text)
  return (
    <div
      className={classes.treeLine}
      style={{ transform: `translateY(${top}px)`, paddingLeft: 6 + Math.min(depth, DEEPEST_INDENT) * 14 }}
    >
      {count !== undefined && count > 0 ? (
        <button
          type="button"
          className={classes.toggle}
          aria-expanded={isOpen}
          aria-label={`${name || 'All'}: ${isOpen ? 'close' : 'open'}`}
          onClick={onToggle}
        >
          {isOpen ? <IconChevronDown size={13} /> : <IconChevronRight size={13} />}
        </button>
      ) : (
        <span className={classes.toggle} />
      )}
      {name !== '' && <span className={classes.key}>{name}:</span>}
      {count === undefined ? (
        <span className={classes.value} data-type={typeOf(value)}>
          {scalar(value)}
        </span>
      ) : (
        <span className={classes.count}>{outline(value, count)}</span>
      )}
      {base !== undefined && count === undefined && (
        <FilterActions path={[...base, ...path]} name={name || 'value'} />
      )}
    </div>
  )
}

function inside(value: unknown, key: string | number): unknown {
  return (value as Record<string | number, unknown>)[key]
}

function scalar(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(cutText(value, LONGEST_SCALAR).text) : String(value)
  return visibleLine(text)
}

function outline(value: unknown, count: number): string {
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  return count === 0 ? `${open}${close}` : `${open} ${count.toLocaleString('en')} ${close}`
}

const LONGEST_KEY = 200
const LONGEST_SCALAR = 500
const DEEPEST_INDENT = 30
