import { ActionIcon, Menu } from '@mantine/core'
import { IconDotsVertical } from '@tabler/icons-react'
import type { KeyboardEvent } from 'react'
import { Link, useNavigate } from 'react-router'
import type { AgentView } from '../../../src/wire/views.ts'
import { formatBytes, formatCount, formatDateTime, formatRate } from '../../lib/format.ts'
import { useMay } from '../../lib/session.ts'
import { deleteAgent, switchAgent } from './agent-actions.ts'
import classes from './agents-page.module.css'
import { StatusWord } from './status-word.tsx'
import { summaryOf } from './summary.ts'

/** One agent a row. Up and down go from title to title. */
export function AgentTable({ agents }: { readonly agents: readonly AgentView[] }) {
  return (
    <div className={classes.scroller}>
      <table className={classes.table} onKeyDown={moveByKeys}>
        <thead>
          <tr>
            <th>State</th>
            <th>Agent</th>
            <th className={classes.number}>Version</th>
            <th className={classes.number}>Calls</th>
            <th className={classes.number}>Errors</th>
            <th className={classes.number}>CPU</th>
            <th className={`${classes.number} ${classes.wide}`}>Memory</th>
            <th className={classes.number}>Dropped</th>
            <th className={classes.wide}>Last change</th>
            <th aria-label="Actions" />
          </tr>
        </thead>
        <tbody>
          {agents.map((agent) => (
            <Row key={agent.id} agent={agent} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ agent }: { readonly agent: AgentView }) {
  const { id, title, version, source, failure, updatedAt, updatedBy } = agent
  const summary = summaryOf(agent)
  const { status, word, reason, versions, callsPerSecond, errors, cpu, memoryBytes, dropped } = summary
  const navigate = useNavigate()
  const runs = status === 'running' || status === 'stopped' || status === 'failed'
  return (
    <tr className={classes.row} onClick={() => void navigate(`/agents/${id}`)}>
      <td title={reason}>
        <StatusWord status={status} word={word} />
      </td>
      <td>
        <Link className={classes.title ?? ''} to={`/agents/${id}`} data-agent={id} title={title}>
          {title}
        </Link>
        {failure !== undefined && (
          <span className={classes.bad}>Version {failure.version} was taken back</span>
        )}
        {source !== undefined && (
          <span className={classes.source} title={`${source.path}, synced by ${source.syncedBy}`}>
            {source.path}
          </span>
        )}
      </td>
      <td className={classes.number}>
        {versions === '' || versions === String(version) ? version : `${versions} of ${version}`}
      </td>
      <td className={classes.number}>{runs ? formatRate(callsPerSecond) : '–'}</td>
      <td className={`${classes.number} ${errors > 0 ? classes.bad : ''}`}>
        {runs ? formatCount(errors) : '–'}
      </td>
      <td className={classes.number}>{runs ? `${(cpu * 100).toFixed(1)} %` : '–'}</td>
      <td className={`${classes.number} ${classes.wide}`}>{runs ? formatBytes(memoryBytes) : '–'}</td>
      <td className={`${classes.number} ${dropped > 0 ? classes.bad : ''}`}>
        {runs ? formatCount(dropped) : '–'}
      </td>
      <td className={`${classes.wide} ${classes.quiet}`}>
        <time dateTime={updatedAt} title={`by ${updatedBy}`}>
          {formatDateTime(Date.parse(updatedAt)).slice(0, 16)}
        </time>
      </td>
      <td>
        <Actions agent={agent} />
      </td>
    </tr>
  )
}

function Actions({ agent }: { readonly agent: AgentView }) {
  const navigate = useNavigate()
  const maySwitch = useMay('operator')
  const mayWrite = useMay('author')
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={`Actions for ${agent.title}`}
          onClick={(event) => event.stopPropagation()}
        >
          <IconDotsVertical size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown onClick={(event) => event.stopPropagation()}>
        <Menu.Item onClick={() => void navigate(`/agents/${agent.id}`)}>Open</Menu.Item>
        <Menu.Item onClick={() => void navigate(`/console?agent=${agent.id}`)}>Console</Menu.Item>
        {maySwitch && (
          <Menu.Item onClick={() => void switchAgent(agent, !agent.active)}>
            {agent.active ? 'Deactivate' : 'Activate'}
          </Menu.Item>
        )}
        {mayWrite && (
          <Menu.Item color="red" onClick={() => deleteAgent(agent)}>
            Delete
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}

function moveByKeys(event: KeyboardEvent<HTMLTableElement>): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
  const target = event.target
  if (step === 0 || !(target instanceof HTMLElement) || target.dataset.agent === undefined) return
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-agent]')]
  links[links.indexOf(target) + step]?.focus()
  event.preventDefault()
}
