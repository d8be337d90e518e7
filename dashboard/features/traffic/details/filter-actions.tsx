import { ActionIcon, Tooltip } from '@mantine/core'
import { IconCopy, IconFilterMinus, IconFilterPlus } from '@tabler/icons-react'
import { createContext, useContext } from 'react'
import { clauseFor, type ValuePath, valueAt } from '../../../components/filter-box/clause.ts'
import type { FilterLanguage } from '../../../../src/filter/language.ts'
import { copyText } from '../../../lib/clipboard.ts'
import classes from './details.module.css'

interface Around {
  readonly entry: unknown
  /** Of the filter that there is. */
  readonly language: FilterLanguage
  readonly onClause: (clause: string) => void
}

/** The entry that values are of, and where clauses made of them go. */
export const FilterAround = createContext<Around | undefined>(undefined)

interface Props {
  readonly path: ValuePath
  /** What it is called, for those who hear it. */
  readonly name: string
}

/** Only entries with this value, only others, or take it along. */
export function FilterActions({ path, name }: Props) {
  const around = useContext(FilterAround)
  if (around === undefined) return null
  const { entry, language, onClause } = around
  const clause = clauseFor(entry, path, { language })
  const opposite = clauseFor(entry, path, { language, isNot: true })
  return (
    <span className={classes.actions}>
      {clause !== undefined && (
        <Action label={`Only with this ${name}`} onClick={() => onClause(clause)}>
          <IconFilterPlus size={14} />
        </Action>
      )}
      {opposite !== undefined && (
        <Action label={`Without this ${name}`} onClick={() => onClause(opposite)}>
          <IconFilterMinus size={14} />
        </Action>
      )}
      <Action label={`Copy ${name}`} onClick={() => void copyText(asText(valueAt(entry, path)), name)}>
        <IconCopy size={14} />
      </Action>
    </span>
  )
}

/** As it is written where it is pasted. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, undefined, 2)
}

interface ActionProps {
  readonly label: string
  readonly onClick: () => void
  readonly children: React.ReactNode
}

function Action({ label, onClick, children }: ActionProps) {
  return (
    <Tooltip label={label} openDelay={400}>
      <ActionIcon size={20} variant="subtle" color="gray" aria-label={label} onClick={onClick}>
        {children}
      </ActionIcon>
    </Tooltip>
  )
}
