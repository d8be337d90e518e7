import { ActionIcon, Tooltip } from '@mantine/core'
import { IconCopy, IconFilterMinus, IconFilterPlus } from '@tabler/icons-react'
import { createContext, useContext } from 'react'
import {
  clauseFor,
  inLanguage,
  languageOf,
  type ValuePath,
  valueAt,
} from '../../../components/filter-box/clause.ts'
import { copyText } from '../../../lib/clipboard.ts'
import classes from './details.module.css'

interface Around {
  readonly entry: unknown
  /** The filter that holds, which clauses are to go with. */
  readonly filter: string
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
  const { entry, filter, onClause } = around
  const clause = fitting(entry, path, filter, false)
  const opposite = fitting(entry, path, filter, true)
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

/** In the language of the filter that there is; where there is none, in the first that has words for it. */
function fitting(entry: unknown, path: ValuePath, filter: string, isNot: boolean): string | undefined {
  const language = filter.trim() === '' ? undefined : languageOf(filter)
  if (language !== undefined) return clauseFor(entry, path, { language, isNot })
  const cel = clauseFor(entry, path, { language: 'kfl2', isNot })
  if (cel !== undefined && languageOf(cel) === 'kfl2') return cel
  const kfl = clauseFor(entry, path, { language: 'kfl1', isNot })
  return kfl === undefined ? undefined : inLanguage(kfl, 'kfl1')
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
      <ActionIcon size={24} variant="subtle" color="gray" aria-label={label} onClick={onClick}>
        {children}
      </ActionIcon>
    </Tooltip>
  )
}
