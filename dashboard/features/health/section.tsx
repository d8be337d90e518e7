import { Box, Title } from '@mantine/core'
import { type ReactNode, useId } from 'react'
import classes from './health.module.css'

interface Props {
  readonly title: string
  readonly note?: ReactNode
  readonly children: ReactNode
}

/** One part of the screen. What is wider than the page scrolls within it. */
export function Section({ title, note, children }: Props) {
  const id = useId()
  return (
    <section className={classes.section} aria-labelledby={id}>
      <header className={classes.sectionHead}>
        <Title id={id} order={2} size="h5">
          {title}
        </Title>
        <div className={classes.note}>{note}</div>
      </header>
      {/* It can be scrolled by keys. */}
      <Box className={classes.scroll ?? ''} role="group" aria-labelledby={id} tabIndex={0}>
        {children}
      </Box>
    </section>
  )
}
