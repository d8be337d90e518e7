import { Modal, Text } from '@mantine/core'
import { useState } from 'react'
import { useCommands, useOffer } from '../lib/commands.ts'
import { groupsWithKeys } from './key-names.ts'
import { Keys } from './keys.tsx'
import classes from './shell.module.css'

/** All keys that do something here, behind `?`. */
export function Help() {
  const [isOpen, setOpen] = useState(false)
  useOffer([{ id: 'help', label: 'Show all keys', group: 'Help', keys: '?', run: () => setOpen(true) }])
  return (
    <Modal
      opened={isOpen}
      onClose={() => setOpen(false)}
      title="Keys"
      size="lg"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {isOpen && <AllKeys />}
    </Modal>
  )
}

function AllKeys() {
  const all = useCommands((state) => state.all)
  return (
    <div className={classes.keys}>
      {groupsWithKeys(all.values()).map(([group, commands]) => (
        <section key={group} aria-label={group} className={classes.keyGroup}>
          <Text component="h3" size="xs" fw={600} c="dimmed" m={0}>
            {group}
          </Text>
          <dl className={classes.keyList}>
            {commands.map(({ id, label, keys = '' }) => (
              <div key={id} className={classes.keyLine}>
                <dt>{label}</dt>
                <dd>
                  <Keys keys={keys} />
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
      <section aria-label="Everywhere" className={classes.keyGroup}>
        <Text component="h3" size="xs" fw={600} c="dimmed" m={0}>
          Everywhere
        </Text>
        <dl className={classes.keyList}>
          <div className={classes.keyLine}>
            <dt>All commands, found by typing</dt>
            <dd>
              <Keys keys="mod+K" />
            </dd>
          </div>
        </dl>
      </section>
    </div>
  )
}
