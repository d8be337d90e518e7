import { Button } from '@mantine/core'
import { IconPlayerPlay, IconPlayerStop } from '@tabler/icons-react'
import type { NodeScheduler } from './job-groups.ts'
import classes from './jobs.module.css'
import { Status } from './status.tsx'
import type { GiveOrder } from './use-jobs.ts'

interface Props {
  readonly schedulers: readonly NodeScheduler[]
  /** Of nodes that are there and do not answer. */
  readonly silent: readonly string[]
  readonly give: GiveOrder
  readonly mayOperate: boolean
}

/** Whether jobs are started at their times, node by node. */
export function Schedulers({ schedulers, silent, give, mayOperate }: Props) {
  const areAll = (isRunning: boolean) => schedulers.every((each) => each.isRunning === isRunning)
  return (
    <section className={classes.bar} aria-label="Schedulers">
      <span className={classes.label}>Schedulers</span>
      {schedulers.map(({ node, isRunning }) => (
        <span key={node} className={classes.scheduler}>
          <Status
            status={isRunning ? 'started' : 'stopped'}
            label={`${node}: ${isRunning ? 'started' : 'stopped'}`}
          />
          {mayOperate && (
            <Button
              size="compact-xs"
              radius="xl"
              variant="default"
              aria-label={`${isRunning ? 'Stop' : 'Start'} on ${node}`}
              onClick={() => give(isRunning ? 'stop' : 'start', { node })}
            >
              {isRunning ? 'Stop' : 'Start'}
            </Button>
          )}
        </span>
      ))}
      {silent.length > 0 && (
        <span role="status" className={classes.failed}>
          {silent.join(', ')}: no answer
        </span>
      )}
      {mayOperate && (
        <Button.Group ml="auto">
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconPlayerPlay size={14} aria-hidden />}
            disabled={areAll(true)}
            onClick={() => give('start', {})}
          >
            Start all
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconPlayerStop size={14} aria-hidden />}
            disabled={areAll(false)}
            onClick={() => give('stop', {})}
          >
            Stop all
          </Button>
        </Button.Group>
      )}
    </section>
  )
}
