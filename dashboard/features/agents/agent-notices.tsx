import { Button } from '@mantine/core'
import { IconAlertTriangle, IconFileText, IconGitMerge, IconInfoCircle } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { AgentView } from '../../../src/wire/views.ts'
import { formatDateTime } from '../../lib/format.ts'
import classes from './agent-page.module.css'
import { placeInReason } from './faults.ts'
import { summaryOf } from './summary.ts'
import type { useEditing } from './use-editing.ts'

interface Props {
  readonly agent: AgentView | undefined
  readonly isGone: boolean
  readonly edit: ReturnType<typeof useEditing>
  readonly onDecide: () => void
  readonly onGoTo: (line: number, column: number) => void
}

/** What somebody who writes has to know, above the code. */
export function AgentNotices({ agent, isGone, edit, onDecide, onGoTo }: Props) {
  const { theirs } = edit.editing
  return (
    <div className={classes.notices} aria-live="polite">
      {isGone && (
        <Notice kind="failure" icon={<IconAlertTriangle size={16} aria-hidden />}>
          Somebody has deleted this agent. Saving stores it as a new one.
        </Notice>
      )}
      {agent?.failure !== undefined && !isGone && (
        <Failure agent={agent} failure={agent.failure} onGoTo={onGoTo} />
      )}
      {agent !== undefined && !isGone && <Stopped agent={agent} />}
      {theirs !== undefined && (
        <Notice
          kind="failure"
          icon={<IconGitMerge size={16} aria-hidden />}
          actions={
            <Button size="compact-xs" variant="default" onClick={onDecide}>
              Compare and decide
            </Button>
          }
        >
          <b>{theirs.updatedBy}</b> has stored version {theirs.version} while you were writing.
        </Notice>
      )}
      {edit.restored !== undefined && (
        <Notice
          icon={<IconInfoCircle size={16} aria-hidden />}
          actions={
            <>
              <Button size="compact-xs" variant="default" onClick={edit.keepDraft}>
                Go on
              </Button>
              <Button size="compact-xs" variant="default" onClick={edit.discard}>
                Discard
              </Button>
            </>
          }
        >
          This is your draft of {formatDateTime(edit.restored.at)}, which was not saved.
        </Notice>
      )}
      {agent?.source !== undefined && edit.isUnsaved && (
        <Notice icon={<IconFileText size={16} aria-hidden />}>
          This agent is a copy of {agent.source.path}, synced by {agent.source.syncedBy}. The next change of
          that file meets yours: the sync asks before it overwrites anything.
        </Notice>
      )}
    </div>
  )
}

/** It broke a limit, or failed for too long. */
function Stopped({ agent }: { readonly agent: AgentView }) {
  const { status, word, reason } = summaryOf(agent)
  if (status !== 'stopped') return null
  return (
    <Notice kind="failure" icon={<IconAlertTriangle size={16} aria-hidden />}>
      {word}: {reason}. It gets no more events there until another version is saved.
    </Notice>
  )
}

interface FailureProps extends Pick<Props, 'onGoTo'> {
  readonly agent: AgentView
  readonly failure: NonNullable<AgentView['failure']>
}

function Failure({ agent, failure, onGoTo }: FailureProps) {
  const place = placeInReason(failure.reason)
  const [reason] = failure.reason.split('\n', 1)
  return (
    <Notice
      kind="failure"
      icon={<IconAlertTriangle size={16} aria-hidden />}
      actions={
        place !== undefined && (
          <Button size="compact-xs" variant="default" onClick={() => onGoTo(place.line, place.column)}>
            Go to line {place.line}
          </Button>
        )
      }
    >
      Version {failure.version} did not load on {failure.node}
      {agent.version > failure.version && ' and was taken back on all nodes'}: {reason}
    </Notice>
  )
}

interface NoticeProps {
  readonly kind?: 'failure'
  readonly icon: ReactNode
  readonly actions?: ReactNode
  readonly children: ReactNode
}

function Notice({ kind, icon, actions, children }: NoticeProps) {
  return (
    <div className={classes.notice} data-kind={kind}>
      {icon}
      <div>{children}</div>
      {actions}
    </div>
  )
}
