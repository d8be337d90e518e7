import { ActionIcon, Anchor } from '@mantine/core'
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import { useState } from 'react'
import { Link } from 'react-router'
import { plainText } from '../../components/console/ansi.ts'
import { placeInText } from '../../components/console/place.ts'
import classes from './jobs.module.css'

interface Props {
  readonly agent: string
  readonly title: string
  readonly text: string
}

/** What the last run threw: on one line, until one wants to see all of it. */
export function JobError({ agent, title, text }: Props) {
  const [isOpen, setOpen] = useState(false)
  const plain = plainText(text)
  const place = placeInText(plain, title)
  const Chevron = isOpen ? IconChevronDown : IconChevronRight
  return (
    <div className={classes.said}>
      <ActionIcon
        size="xs"
        variant="subtle"
        color="gray"
        aria-label={isOpen ? 'Show less of the error' : 'Show all of the error'}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <Chevron size={12} />
      </ActionIcon>
      <span className={classes.message} data-open={isOpen}>
        {place === undefined ? plain : plain.slice(0, place.from)}
        {place !== undefined && (
          <>
            <Anchor
              component={Link}
              to={`/agents/${agent}?line=${place.line}`}
              inherit
              c="inherit"
              underline="always"
            >
              {plain.slice(place.from, place.to)}
            </Anchor>
            {plain.slice(place.to)}
          </>
        )}
      </span>
    </div>
  )
}
