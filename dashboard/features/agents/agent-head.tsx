import { ActionIcon, Button, Menu, TextInput, Title, Tooltip } from '@mantine/core'
import {
  IconArrowLeft,
  IconArrowsMaximize,
  IconArrowsMinimize,
  IconDotsVertical,
  IconPlayerPlay,
  IconPlayerStop,
} from '@tabler/icons-react'
import { useEffect } from 'react'
import { Link } from 'react-router'
import type { AgentView } from '../../../src/wire/views.ts'
import { formatRate } from '../../lib/format.ts'
import { useMay } from '../../lib/session.ts'
import { deleteAgent, switchAgent } from './agent-actions.ts'
import classes from './agent-page.module.css'
import type { Text } from './editing.ts'
import { ExamplesMenu } from './examples-menu.tsx'
import { StatusWord } from './status-word.tsx'
import { summaryOf } from './summary.ts'

interface Props {
  readonly agent: AgentView | undefined
  readonly text: Text
  /** What it is called when nobody says. */
  readonly derivedTitle: string
  readonly isUnsaved: boolean
  readonly isSaving: boolean
  readonly isFull: boolean
  readonly onTitle: (title: string) => void
  readonly onExample: (text: Partial<Text>) => void
  readonly onSave: (active?: boolean) => void
  readonly onFull: () => void
  readonly onDeleted: () => void
}

/** Title, state, and what can be done with the agent. */
export function AgentHead(props: Props) {
  const { agent, text, derivedTitle, isUnsaved, isSaving, isFull, onTitle, onExample, onSave, onFull } = props
  const mayWrite = useMay('author')
  const title = text.title || derivedTitle || 'New agent'
  useEffect(() => {
    document.title = `${isUnsaved ? '● ' : ''}${title} · Remora`
  }, [title, isUnsaved])
  return (
    <header className={classes.head}>
      <Title order={1} className={classes.heading ?? ''}>
        {title}
      </Title>
      <Tooltip label="All agents">
        <ActionIcon component={Link} to="/agents" variant="subtle" color="gray" aria-label="All agents">
          <IconArrowLeft size={16} />
        </ActionIcon>
      </Tooltip>
      <TextInput
        size="xs"
        className={classes.title ?? ''}
        aria-label="Title"
        placeholder={derivedTitle === '' ? 'Title' : derivedTitle}
        readOnly={!mayWrite}
        value={text.title}
        onChange={({ currentTarget }) => onTitle(currentTarget.value)}
      />
      <State agent={agent} isUnsaved={isUnsaved} />
      {mayWrite && (
        <>
          <ExamplesMenu isNew={agent === undefined} isBlank={text.code.trim() === ''} onExample={onExample} />
          {agent?.active !== true && (
            <Button size="xs" variant="default" disabled={isSaving} onClick={() => onSave(true)}>
              Save and activate
            </Button>
          )}
          <Tooltip label="Ctrl S">
            <Button
              size="xs"
              loading={isSaving}
              disabled={agent !== undefined && !isUnsaved}
              onClick={() => onSave()}
            >
              {agent === undefined ? 'Save new agent' : 'Save'}
            </Button>
          </Tooltip>
        </>
      )}
      {agent !== undefined && <Switch agent={agent} />}
      <Tooltip label={isFull ? 'Leave full screen' : 'Full screen'}>
        <ActionIcon
          variant="default"
          aria-label={isFull ? 'Leave full screen' : 'Full screen'}
          aria-pressed={isFull}
          onClick={onFull}
        >
          {isFull ? <IconArrowsMinimize size={15} /> : <IconArrowsMaximize size={15} />}
        </ActionIcon>
      </Tooltip>
      {agent !== undefined && <More agent={agent} onDeleted={props.onDeleted} />}
    </header>
  )
}

function State({ agent, isUnsaved }: Pick<Props, 'agent' | 'isUnsaved'>) {
  const unsaved = isUnsaved && <span className={classes.unsaved}>● Unsaved</span>
  if (agent === undefined) return <span className={classes.state}>{unsaved || 'Not stored yet'}</span>
  const { status, word, reason, callsPerSecond } = summaryOf(agent)
  return (
    <span className={classes.state}>
      {unsaved}
      <span>v{agent.version}</span>
      <span title={reason}>
        <StatusWord status={status} word={word} />
      </span>
      {status === 'running' && <span>{formatRate(callsPerSecond)}</span>}
    </span>
  )
}

function Switch({ agent }: { readonly agent: AgentView }) {
  if (!useMay('operator')) return null
  const Icon = agent.active ? IconPlayerStop : IconPlayerPlay
  return (
    <Button
      size="xs"
      variant="default"
      leftSection={<Icon size={14} aria-hidden />}
      onClick={() => void switchAgent(agent, !agent.active)}
    >
      {agent.active ? 'Deactivate' : 'Activate'}
    </Button>
  )
}

function More({ agent, onDeleted }: { readonly agent: AgentView; readonly onDeleted: () => void }) {
  const mayWrite = useMay('author')
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="default" aria-label="More actions">
          <IconDotsVertical size={15} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component={Link} to={`/console?agent=${agent.id}`}>
          Console of this agent
        </Menu.Item>
        <Menu.Item component={Link} to={`/jobs?agent=${agent.id}`}>
          Jobs of this agent
        </Menu.Item>
        <Menu.Item component={Link} to={`/effects?agent=${agent.id}`}>
          Effects of this agent
        </Menu.Item>
        <Menu.Item component={Link} to={`/reports?q=${encodeURIComponent(agent.title)}`}>
          Reports of this agent
        </Menu.Item>
        {mayWrite && (
          <Menu.Item color="red" onClick={() => deleteAgent(agent, onDeleted)}>
            Delete
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
