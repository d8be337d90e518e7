import { Button, Group, Modal, Text } from '@mantine/core'
import { useState } from 'react'
import type { AgentView } from '../../../src/wire/views.ts'
import classes from './agent-page.module.css'
import type { Text as AgentText } from './editing.ts'
import { Diff } from './lazy-editor.tsx'

interface Props {
  readonly mine: AgentText
  readonly theirs: AgentView
  readonly onClose: () => void
  readonly onTheirs: () => void
  /** Stores this text over theirs. */
  readonly onMine: (code: string) => void
  /** Goes on writing with this text, over theirs. */
  readonly onMerge: (code: string) => void
}

/** Two have changed an agent: what each has written, and who wins. */
export function ConflictDialog({ mine, theirs, onClose, onTheirs, onMine, onMerge }: Props) {
  const [code, setCode] = useState(mine.code)
  return (
    <Modal opened onClose={onClose} title="Somebody else has changed this agent" size="90%" zIndex={300}>
      <Text size="sm" mb="xs">
        Left: version {theirs.version} by <b>{theirs.updatedBy}</b>, as it is stored. Right: yours. The right
        side can be written in, to take over from the left what you want.
      </Text>
      {theirs.title !== mine.title && (
        <Text size="sm" mb="xs">
          Their title is “{theirs.title}”, yours “{mine.title}”.
        </Text>
      )}
      <div className={classes.diff}>
        <Diff before={theirs.code} after={mine.code} label="Theirs and yours" onChange={setCode} />
      </div>
      <Group mt="md" gap="xs" justify="flex-end">
        <Button variant="default" onClick={onTheirs}>
          Take theirs
        </Button>
        <Button variant="default" onClick={() => onMerge(code)}>
          Go on writing with the right side
        </Button>
        <Button onClick={() => onMine(code)}>Save the right side over theirs</Button>
      </Group>
    </Modal>
  )
}
