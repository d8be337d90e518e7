import { Group, Kbd } from '@mantine/core'
import { Fragment } from 'react'
import { areTogether, keyNames } from './key-names.ts'
import classes from './shell.module.css'

/** Keys of a command, drawn as keys. */
export function Keys({ keys }: { readonly keys: string }) {
  return (
    <Group gap={4} wrap="nowrap" component="span">
      {keyNames(keys, IS_MAC).map((name, at) => (
        <Fragment key={name + String(at)}>
          {at > 0 && !areTogether(keys) && <span className={classes.then}>then</span>}
          <Kbd size="xs">{name}</Kbd>
        </Fragment>
      ))}
    </Group>
  )
}

const IS_MAC = /Mac|iPhone|iPad/.test(navigator.userAgent)
