import { ActionIcon, Button, Menu, Tooltip } from '@mantine/core'
import {
  IconAdjustments,
  IconArrowsMaximize,
  IconArrowsMinimize,
  IconClearAll,
  IconCode,
  IconDownload,
  IconPlayerPause,
  IconPlayerPlay,
} from '@tabler/icons-react'
import { type ReactNode, useEffect } from 'react'
import { Link } from 'react-router'
import type { AgentView } from '../../../src/wire/views.ts'
import { confirm } from '../../components/confirm.tsx'
import { type ConsoleRow, fileNameOf, textOf } from '../../components/console/rows.ts'
import { PageHeader } from '../../components/page-header.tsx'
import { api, saveAs } from '../../lib/api.ts'
import { useOffer } from '../../lib/commands.ts'
import { notifyFailure } from '../../lib/notify.ts'
import { useMay } from '../../lib/session.ts'
import type { ConsoleView } from './use-console-view.ts'

interface Props {
  /** Whose console it is; undefined: of all. */
  readonly agent: AgentView | undefined
  readonly rows: readonly ConsoleRow[]
  readonly isPaused: boolean
  readonly isFull: boolean
  readonly view: ConsoleView
  readonly onView: (view: ConsoleView) => void
  readonly onPause: () => void
  readonly onFull: () => void
}

/** What can be done with what is shown, and with the agent that printed it. */
export function ConsoleActions({ agent, rows, isPaused, isFull, view, onView, onPause, onFull }: Props) {
  const mayOperate = useMay('operator')
  const save = () =>
    saveAs(new Blob([textOf(rows)], { type: 'text/plain' }), fileNameOf(agent?.title, Date.now()))
  const clear = () => askToClear(agent)
  useOffer([
    {
      id: 'console pause',
      label: isPaused ? 'Go on with the console' : 'Pause the console',
      group: 'Console',
      keys: 'p',
      run: onPause,
    },
    {
      id: 'console full',
      label: isFull ? 'Leave full screen' : 'Console on the full screen',
      group: 'Console',
      keys: 'f',
      run: onFull,
    },
    { id: 'console save', label: 'Download these lines', group: 'Console', run: save },
    ...(mayOperate
      ? [{ id: 'console clear', label: 'Clear the console', group: 'Console', run: clear }]
      : []),
  ])
  useEscape(isFull, onFull)
  return (
    <PageHeader title="Console">
      {agent !== undefined && <AgentActions agent={agent} mayOperate={mayOperate} />}
      <Action label={isPaused ? 'Go on (p)' : 'Pause (p)'} onClick={onPause} isOn={isPaused}>
        {isPaused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
      </Action>
      {mayOperate && (
        <Action label={agent === undefined ? 'Clear all consoles' : 'Clear this console'} onClick={clear}>
          <IconClearAll size={16} />
        </Action>
      )}
      <Action label="Download as text" onClick={save} isDisabled={rows.length === 0}>
        <IconDownload size={16} />
      </Action>
      <ViewMenu view={view} onView={onView} />
      <Action label={isFull ? 'Leave full screen (Esc)' : 'Full screen (f)'} onClick={onFull}>
        {isFull ? <IconArrowsMinimize size={16} /> : <IconArrowsMaximize size={16} />}
      </Action>
    </PageHeader>
  )
}

function AgentActions({ agent, mayOperate }: { readonly agent: AgentView; readonly mayOperate: boolean }) {
  const { id, active } = agent
  const verb = active ? 'deactivate' : 'activate'
  const change = () => {
    api
      .post(`/agents/${id}/${verb}`)
      .catch((error: unknown) => notifyFailure(`The agent was not ${verb}d`, error))
  }
  return (
    <>
      <Button
        component={Link}
        to={`/agents/${id}`}
        size="compact-sm"
        variant="default"
        leftSection={<IconCode size={14} aria-hidden />}
      >
        Go to script
      </Button>
      {mayOperate && (
        <Button size="compact-sm" variant="default" onClick={change}>
          {active ? 'Deactivate' : 'Activate'}
        </Button>
      )}
    </>
  )
}

function ViewMenu({ view, onView }: Pick<Props, 'view' | 'onView'>) {
  return (
    <Menu closeOnItemClick={false} position="bottom-end" withinPortal zIndex={160}>
      <Menu.Target>
        <ActionIcon variant="default" size="md" aria-label="How lines are shown">
          <IconAdjustments size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {VIEW_ITEMS.map(([key, label]) => (
          <Menu.CheckboxItem
            key={key}
            checked={view[key]}
            onChange={(isOn) => onView({ ...view, [key]: isOn })}
          >
            {label}
          </Menu.CheckboxItem>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}

interface ActionProps {
  readonly label: string
  readonly onClick: () => void
  readonly isOn?: boolean
  readonly isDisabled?: boolean
  readonly children: ReactNode
}

function Action({ label, onClick, isOn = false, isDisabled = false, children }: ActionProps) {
  return (
    <Tooltip label={label} zIndex={160}>
      <ActionIcon
        variant={isOn ? 'filled' : 'default'}
        size="md"
        aria-label={label.replace(/ \(.+\)$/, '')}
        disabled={isDisabled}
        onClick={onClick}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  )
}

function askToClear(agent: AgentView | undefined): void {
  const whose = agent === undefined ? 'the consoles of all agents' : `the console of "${agent.title}"`
  const clear = async () => {
    try {
      await api.delete('/console', { query: { agent: agent?.id } })
    } catch (error) {
      notifyFailure('The console was not cleared', error)
    }
  }
  confirm({
    title: 'Clear the console?',
    text: `Clears ${whose} for everybody. Lines that are gone do not come back.`,
    act: 'Clear',
    onConfirm: () => void clear(),
  })
}

function useEscape(isOn: boolean, leave: () => void): void {
  useEffect(() => {
    if (!isOn) return
    const take = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !event.defaultPrevented) leave()
    }
    addEventListener('keydown', take)
    return () => removeEventListener('keydown', take)
  }, [isOn, leave])
}

const VIEW_ITEMS = [
  ['hasTimes', 'Times'],
  ['hasNumbers', 'Line numbers'],
  ['wraps', 'Wrap long lines'],
  ['joinsRepeats', 'Repeats on one line'],
] as const
