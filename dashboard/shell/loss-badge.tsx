import { Anchor, Group, Popover, Stack, Text, UnstyledButton } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconPlugConnectedX } from '@tabler/icons-react'
import { Link } from 'react-router'
import { delivery, useConnection } from '../lib/page-stream.ts'
import { nodeHistory, useNodes } from '../lib/watched.ts'
import classes from './loss-badge.module.css'
import { type ShownPart, shownPart } from './shown-part.ts'

/** Says at all times what part of the traffic the page shows, and why not more. */
export function LossBadge() {
  const nodes = useNodes()
  const connection = useConnection()
  const part = shownPart(nodes, nodeHistory, delivery, Date.now())
  // That the connection is lost is said beside it, and all that this knows is old.
  if (part === undefined || connection !== 'open') return null
  return (
    <Popover width={360} position="bottom-end" shadow="md" withArrow trapFocus>
      <Popover.Target>
        <UnstyledButton className={classes.badge ?? ''} data-state={part.state}>
          <Icon state={part.state} />
          <span className={classes.word}>{part.word}</span>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs">
          {part.sentences.map((sentence) => (
            <Text key={sentence} size="sm">
              {sentence}
            </Text>
          ))}
          <Group>
            <Anchor component={Link} to="/health" size="sm">
              What is lost, kept and not read, in numbers
            </Anchor>
          </Group>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}

function Icon({ state }: Pick<ShownPart, 'state'>) {
  const Shape = state === 'all' ? IconCircleCheck : state === 'some' ? IconAlertTriangle : IconPlugConnectedX
  return <Shape size={15} aria-hidden />
}
