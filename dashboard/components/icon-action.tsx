import { ActionIcon, Tooltip } from '@mantine/core'
import type { ReactNode } from 'react'
import classes from './icon-action.module.css'

interface Props {
  /** What it does and to what: told to those who point at it, and those who hear the page. */
  readonly label: string
  readonly isDisabled?: boolean
  readonly isBusy?: boolean
  readonly onClick: () => void
  readonly children: ReactNode
}

/** One of the things that can be done with the row of a table. */
export function IconAction({ label, isDisabled = false, isBusy = false, onClick, children }: Props) {
  return (
    <Tooltip label={label} openDelay={400}>
      <ActionIcon
        className={classes.action}
        variant="subtle"
        color="gray"
        size="md"
        aria-label={label}
        disabled={isDisabled}
        loading={isBusy}
        onClick={onClick}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  )
}
