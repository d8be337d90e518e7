import { useDebouncedValue } from '@mantine/hooks'
import { type ComponentType, useEffect, useMemo, useState } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import type { CodeProblem, ScriptingInfo } from '../../../src/wire/authoring.ts'
import type { AgentView } from '../../../src/wire/views.ts'
import { useOffer } from '../../lib/commands.ts'
import { useMay } from '../../lib/session.ts'
import { switchAgent } from './agent-actions.ts'
import { AgentHead } from './agent-head.tsx'
import { AgentNotices } from './agent-notices.tsx'
import classes from './agent-page.module.css'
import { AgentPanel } from './agent-panel.tsx'
import { ConflictDialog } from './conflict-dialog.tsx'
import { overTheirs, type Text, type TrialProps } from './editing.ts'
import { faultsOf, placeInReason } from './faults.ts'
import { Editor } from './lazy-editor.tsx'
import { LeaveGuard } from './leave-guard.tsx'
import { useCheck } from './queries.ts'
import { useEditing } from './use-editing.ts'
import { useSave } from './use-save.ts'

interface Props {
  /** Undefined for one that is not stored yet. */
  readonly agent?: AgentView
  /** Somebody has deleted it meanwhile. */
  readonly isGone?: boolean
  readonly template?: Text | undefined
  readonly scripting: ScriptingInfo
  readonly trial?: ComponentType<TrialProps> | undefined
}

export function AgentEditor({ agent, isGone = false, template, scripting, trial }: Props) {
  const mayWrite = useMay('author')
  const edit = useEditing({ agent, template })
  const { text, base, theirs } = edit.editing
  const [isFull, setFull] = useState(false)
  const [isDeciding, setDeciding] = useState(false)
  const [place, setPlace] = usePlace()
  const goTo = (line: number, column = 1) => setPlace({ line, column })
  const navigate = useNavigate()

  const [slowCode] = useDebouncedValue(text.code, CHECK_MS)
  const check = useCheck(slowCode)
  const problems = useMemo(
    () => [...(check.data?.problems ?? []), ...loadProblem(agent, text.code)],
    [check.data, agent, text.code],
  )
  const faults = useFaults(agent, base?.version)

  const save = useSave({
    edit,
    agent: isGone ? undefined : agent,
    onConflict: () => setDeciding(true),
    onRefused: goTo,
  })
  const isActive = agent?.active === true && !isGone
  useOffer([
    ...(mayWrite
      ? [
          {
            id: 'agent save',
            label: 'Save the agent',
            group: 'Agent',
            keys: 'mod+s',
            run: () => void save.run(),
          },
          ...(isActive
            ? []
            : [
                {
                  id: 'agent save active',
                  label: 'Save and activate the agent',
                  group: 'Agent',
                  run: () => void save.run(true),
                },
              ]),
        ]
      : []),
    {
      id: 'agent full',
      label: isFull ? 'Leave full screen' : 'Full screen',
      group: 'Agent',
      keys: 'f',
      run: () => setFull(!isFull),
    },
    ...(agent === undefined
      ? []
      : [
          {
            id: 'agent switch',
            label: isActive ? 'Deactivate the agent' : 'Activate the agent',
            group: 'Agent',
            run: () => void switchAgent(agent, !isActive),
          },
        ]),
  ])

  return (
    <div className={classes.page} data-full={isFull}>
      <AgentHead
        agent={isGone ? undefined : agent}
        text={text}
        derivedTitle={check.data?.title ?? ''}
        isUnsaved={edit.isUnsaved}
        isSaving={save.isSaving}
        isFull={isFull}
        onTitle={(title) => edit.change({ title })}
        onExample={edit.change}
        onSave={(active) => void save.run(active)}
        onFull={() => setFull(!isFull)}
        onDeleted={() => {
          edit.dropDraft()
          save.leave(() => void navigate('/agents'))
        }}
      />
      <AgentNotices
        agent={agent}
        isGone={isGone}
        edit={edit}
        onDecide={() => setDeciding(true)}
        onGoTo={goTo}
      />
      <div className={classes.body}>
        <div className={classes.code}>
          <Editor
            name={agent?.id ?? 'new'}
            code={text.code}
            onChange={(code) => edit.change({ code })}
            onSave={() => void save.run()}
            isReadOnly={!mayWrite}
            scripting={scripting}
            problems={problems}
            faults={faults}
            place={place}
          />
        </div>
        <AgentPanel
          agent={isGone ? undefined : agent}
          text={text}
          title={text.title || (check.data?.title ?? '')}
          hooks={check.data?.hooks ?? []}
          scripting={scripting}
          problems={problems}
          faults={faults}
          trial={trial}
          onGoTo={goTo}
        />
      </div>
      {isDeciding && theirs !== undefined && (
        <ConflictDialog
          mine={text}
          theirs={theirs}
          onClose={() => setDeciding(false)}
          onTheirs={() => {
            edit.setEditing(overTheirs(edit.editing, { title: theirs.title, code: theirs.code }))
            setDeciding(false)
          }}
          onMine={(code) => {
            setDeciding(false)
            void save.run(undefined, overTheirs(edit.editing, { title: text.title, code }))
          }}
          onMerge={(code) => {
            edit.setEditing(overTheirs(edit.editing, { title: text.title, code }))
            setDeciding(false)
          }}
        />
      )}
      <LeaveGuard
        isUnsaved={edit.isUnsaved && mayWrite}
        isLeaving={save.isLeaving}
        onSave={() => save.run()}
      />
    </div>
  )
}

/** Where the address says that one wants to be in the code, or where one went since. */
function usePlace() {
  const [params] = useSearchParams()
  const wanted = params.get('line')
  const column = params.get('column')
  const [place, setPlace] = useState<{ line: number; column: number }>()
  useEffect(() => {
    if (wanted !== null) setPlace({ line: Number(wanted), column: Number(column ?? 1) })
  }, [wanted, column])
  return [place, setPlace] as const
}

/** The same as long as they say the same: states come once a second. */
function useFaults(agent: AgentView | undefined, version: number | undefined) {
  const text = JSON.stringify(agent === undefined || version === undefined ? [] : faultsOf(agent, version))
  return useMemo((): ReturnType<typeof faultsOf> => JSON.parse(text), [text])
}

/** Of the version that did not load, while it is what is shown. */
function loadProblem(agent: AgentView | undefined, code: string): CodeProblem[] {
  if (agent?.failure === undefined) return []
  const { version, reason } = agent.failure
  const place = placeInReason(reason)
  const isShown = agent.version === version || agent.code !== code
  if (place === undefined || !isShown) return []
  const [message = ''] = reason.split('\n', 1)
  return [{ ...place, severity: 'error', rule: `version ${version} did not load`, message }]
}

const CHECK_MS = 350
