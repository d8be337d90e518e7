import { Anchor, Badge, Group, Tooltip } from '@mantine/core'
import { IconPlayerPause, IconPlayerPlay, IconRun, IconTrash } from '@tabler/icons-react'
import { Fragment } from 'react'
import { Link } from 'react-router'
import type { JobSelector, JobView } from '../../../src/wire/jobs.ts'
import { confirm } from '../../components/confirm.tsx'
import { IconAction } from '../../components/icon-action.tsx'
import { formatDateTime, formatNumber } from '../../lib/format.ts'
import { cronInWords } from './cron-words.ts'
import { JobError } from './job-error.tsx'
import { countdown, duration, type JobGroup, type JobTag, jobKey, since } from './job-groups.ts'
import classes from './jobs.module.css'
import { Status } from './status.tsx'
import type { GiveOrder } from './use-jobs.ts'

interface Props {
  readonly groups: readonly JobGroup[]
  /** By the clock of the hub, ms since the epoch. */
  readonly now: number
  readonly give: GiveOrder
  readonly mayOperate: boolean
}

/** Jobs under their agents; those that run on several nodes under their tags. */
export function JobTable({ groups, now, give, mayOperate }: Props) {
  return (
    <section
      className={classes.scroller}
      aria-label="Jobs of all agents"
      tabIndex={groups.length === 0 ? -1 : 0}
    >
      <table className={`listing ${classes.table}`}>
        <thead>
          <tr>
            {HEADS.map(([name, isNumber]) => (
              <th key={name} scope="col" className={isNumber ? classes.right : undefined}>
                {name}
              </th>
            ))}
            <th scope="col">
              <span className={classes.muted}>Actions</span>
            </th>
          </tr>
        </thead>
        {groups.map(({ agent, title, tags }) => (
          <tbody key={agent}>
            <tr className={classes.agent}>
              <th scope="rowgroup" colSpan={HEADS.length + 1}>
                <Anchor component={Link} to={`/agents/${agent}`} inherit c="inherit">
                  {title}
                </Anchor>
              </th>
            </tr>
            {tags.map((tag) => (
              <TagRows key={tag.tag} agent={agent} tag={tag} now={now} give={give} mayOperate={mayOperate} />
            ))}
          </tbody>
        ))}
      </table>
    </section>
  )
}

interface TagProps extends Omit<Props, 'groups'> {
  readonly agent: string
  readonly tag: JobTag
}

function TagRows({ agent, tag: { tag, jobs }, now, give, mayOperate }: TagProps) {
  return jobs.map((job, at) => (
    <Fragment key={jobKey(job)}>
      <tr>
        <td>
          {at === 0 ? (
            <span className={classes.tagged}>
              <span className={classes.tag} title={tag}>
                {tag}
              </span>
              {mayOperate && jobs.length > 1 && <TagActions agent={agent} tag={tag} give={give} />}
            </span>
          ) : (
            <span className={classes.muted} title={tag}>
              ″
            </span>
          )}
        </td>
        <JobCells job={job} now={now} />
        <td>{mayOperate && <JobActions job={job} give={give} />}</td>
      </tr>
      {job.lastError !== null && (
        <tr>
          <td colSpan={HEADS.length + 1} className={classes.error}>
            <JobError agent={agent} title={job.title} text={job.lastError} />
          </td>
        </tr>
      )}
    </Fragment>
  ))
}

function JobCells({ job, now }: { readonly job: JobView; readonly now: number }) {
  const { node, scope, status, cron, lastRun, lastDurationMs, nextRun, runs, limit, failures } = job
  const words = cronInWords(cron)
  return (
    <>
      <td>
        <Status status={status} label={status} />
      </td>
      <td>
        {scope === 'cluster' ? (
          <Tooltip label={`Once for all nodes${node === '' ? '' : `; last on ${node}`}`}>
            <Badge size="sm" variant="default" tt="none" miw="max-content">
              cluster
            </Badge>
          </Tooltip>
        ) : (
          node
        )}
      </td>
      <td>
        {words !== undefined && <span className={classes.words}>{words}</span>}
        <span className={classes.cron}>{cron}</span>
      </td>
      <td className={classes.right} title={lastRun === null ? undefined : formatDateTime(lastRun)}>
        {lastRun === null ? <Nothing what="It has not run yet" /> : since(lastRun, now)}
      </td>
      <td className={classes.right}>
        {lastDurationMs === null ? <Nothing what="Unknown" /> : duration(lastDurationMs)}
      </td>
      <td className={classes.right} title={nextRun === null ? undefined : new Date(nextRun).toISOString()}>
        {nextRun === null ? <Nothing what="It does not run by itself" /> : countdown(nextRun, now)}
      </td>
      <td className={classes.right}>
        {formatNumber(runs)}
        {limit > 0 && <span className={classes.muted}> of {formatNumber(limit)}</span>}
      </td>
      <td className={classes.right}>
        <span className={failures > 0 ? classes.failed : classes.muted}>{formatNumber(failures)}</span>
      </td>
    </>
  )
}

function JobActions({ job, give }: { readonly job: JobView; readonly give: GiveOrder }) {
  const { agent, tag, node, scope, status } = job
  const own: JobSelector = scope === 'cluster' ? { agent, tag } : { agent, tag, node }
  const where = scope === 'cluster' ? 'of the cluster' : `on ${node}`
  const isPaused = status === 'paused'
  return (
    <Group gap={2} wrap="nowrap" justify="flex-end">
      <IconAction label={`Run ${tag} ${where} now`} onClick={() => give('run', own)}>
        <IconRun size={16} />
      </IconAction>
      <IconAction
        label={`${isPaused ? 'Resume' : 'Pause'} ${tag} ${where}`}
        onClick={() => give(isPaused ? 'start' : 'stop', own)}
      >
        {isPaused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
      </IconAction>
      <IconAction
        label={`Delete ${tag} ${where}`}
        onClick={() => askToDelete(`"${tag}" ${where}`, () => give('remove', own))}
      >
        <IconTrash size={16} />
      </IconAction>
    </Group>
  )
}

type TagActionsProps = Pick<TagProps, 'agent' | 'give'> & { readonly tag: string }

function TagActions({ agent, tag, give }: TagActionsProps) {
  return (
    <Group gap={2} wrap="nowrap">
      <IconAction label={`Run ${tag} on all nodes`} onClick={() => give('run', { agent, tag })}>
        <IconRun size={16} />
      </IconAction>
      <IconAction
        label={`Delete ${tag} on all nodes`}
        onClick={() => askToDelete(`"${tag}" on all nodes`, () => give('remove', { agent, tag }))}
      >
        <IconTrash size={16} />
      </IconAction>
    </Group>
  )
}

function Nothing({ what }: { readonly what: string }) {
  return (
    <span className={classes.muted} title={what}>
      –
    </span>
  )
}

/** Jobs are made by code: they come back with it. */
export function askToDelete(what: string, onConfirm: () => void): void {
  confirm({
    title: 'Delete?',
    text: `Deletes ${what}, until the agent is loaded again.`,
    act: 'Delete',
    onConfirm,
  })
}

/** Names of columns, and whether numbers stand in them. */
const HEADS = [
  ['Tag', false],
  ['Status', false],
  ['Node', false],
  ['Schedule', false],
  ['Last run', true],
  ['Took', true],
  ['Next run', true],
  ['Runs', true],
  ['Failures', true],
] as const
