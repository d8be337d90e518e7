import { Anchor } from '@mantine/core'
import { Link } from 'react-router'
import classes from './trial.module.css'

interface Props {
  readonly id: string | undefined
  readonly hasLink: boolean
}

/** The way to an entry, where that is kept; its name where it is not. */
export function EntryLink({ id, hasLink }: Props) {
  if (id === undefined) return null
  const name = id.slice(id.lastIndexOf('/') + 1).replace('.pcap', '')
  if (!hasLink) return <span className={classes.code}>{name}</span>
  return (
    <Anchor
      component={Link}
      to={`/traffic?entry=${encodeURIComponent(id)}`}
      target="_blank"
      className={classes.code ?? ''}
      size="xs"
      title="Show the entry in a new tab"
    >
      {name}
    </Anchor>
  )
}
