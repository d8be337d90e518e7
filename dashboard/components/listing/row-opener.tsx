import { ActionIcon } from '@mantine/core'
import { IconChevronRight } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import classes from './listing.module.css'

interface Props {
  /** What the row is about: `Details of …`. */
  readonly of: string
  readonly isOpen: boolean
  readonly onToggle: () => void
  /** What stands behind the arrow. */
  readonly children: ReactNode
}

/** The arrow that shows more of a row. */
export function RowOpener({ of, isOpen, onToggle, children }: Props) {
  return (
    <span className={classes.opener}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        aria-label={`Details of ${of}`}
        aria-expanded={isOpen}
        onClick={onToggle}
      >
        <IconChevronRight size={14} className={classes.chevron} data-open={isOpen} />
      </ActionIcon>
      {children}
    </span>
  )
}
