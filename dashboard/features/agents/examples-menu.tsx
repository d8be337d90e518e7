import { Button, Menu, ScrollArea } from '@mantine/core'
import { IconChevronDown } from '@tabler/icons-react'
import { Fragment, useState } from 'react'
import type { AgentTemplate } from '../../../src/wire/authoring.ts'
import { confirm } from '../../components/confirm.tsx'
import { useAgents } from '../../lib/watched.ts'
import { freeTitle, type Text } from './editing.ts'
import { useTemplates } from './queries.ts'

interface Props {
  readonly isNew: boolean
  /** There is nothing that would be lost. */
  readonly isBlank: boolean
  readonly onExample: (text: Partial<Text>) => void
}

/** Puts an example into the editor. */
export function ExamplesMenu({ isNew, isBlank, onExample }: Props) {
  const [isOpen, setOpen] = useState(false)
  const { data: templates = [] } = useTemplates(isOpen)
  const agents = useAgents()
  const use = ({ title, code }: AgentTemplate) => {
    const titles = agents?.map((each) => each.title) ?? []
    const take = () => onExample(isNew ? { code, title: freeTitle(title, titles) } : { code })
    if (isBlank) take()
    else
      confirm({
        title: `Replace the code with “${title}”?`,
        text: 'Nothing is stored by this, and Undo in the editor brings your code back.',
        act: 'Replace',
        onConfirm: take,
      })
  }
  return (
    <Menu opened={isOpen} onChange={setOpen} position="bottom-end" width={340}>
      <Menu.Target>
        <Button size="xs" variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>
          Examples
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <ScrollArea.Autosize mah={440} type="auto">
          {templates.map((template, at) => (
            <Fragment key={template.name}>
              {template.category !== templates[at - 1]?.category && (
                <Menu.Label>{template.category}</Menu.Label>
              )}
              <Menu.Item onClick={() => use(template)}>{template.title}</Menu.Item>
            </Fragment>
          ))}
        </ScrollArea.Autosize>
      </Menu.Dropdown>
    </Menu>
  )
}
