import { Group, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useEffect } from 'react'
import classes from './page-header.module.css'

interface Props {
  readonly title: string
  /** What can be done on this screen, at the right. */
  readonly children?: ReactNode
}

/** The first line of a screen, which also names the tab of the browser. */
export function PageHeader({ title, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Remora`
  }, [title])
  return (
    <Group component="header" className={classes.header} justify="space-between" wrap="nowrap">
      <Title order={1} size="h4" fw={600}>
        {title}
      </Title>
      <Group gap="xs" wrap="nowrap">
        {children}
      </Group>
    </Group>
  )
}
