import { Tabs } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { type ComponentType, type KeyboardEvent, type PointerEvent, useRef } from 'react'
import type { CodeProblem, ScriptingInfo } from '../../../src/wire/authoring.ts'
import type { AgentView } from '../../../src/wire/views.ts'
import { AgentConsole } from '../../components/agent-console.tsx'
import { AgentDetails } from './agent-details.tsx'
import classes from './agent-page.module.css'
import type { Text, TrialProps } from './editing.ts'
import type { FaultMark } from './faults.ts'
import { NodeTable } from './node-table.tsx'
import { Problems } from './problems.tsx'
import { clampHeight, heightByKey } from './split-height.ts'
import { Versions } from './versions.tsx'

interface Props {
  /** Undefined for one that is not stored. */
  readonly agent: AgentView | undefined
  readonly text: Text
  readonly title: string
  readonly hooks: readonly string[]
  readonly scripting: ScriptingInfo
  readonly problems: readonly CodeProblem[]
  readonly faults: readonly FaultMark[]
  readonly trial: ComponentType<TrialProps> | undefined
  readonly onGoTo: (line: number, column?: number) => void
}

/** What is known of the agent, below its code. */
export function AgentPanel(props: Props) {
  const { agent, text, title, hooks, scripting, problems, faults, trial: Trial, onGoTo } = props
  const [height, setHeight] = useLocalStorage({ key: 'remora.agent-panel.height', defaultValue: 240 })
  const [tab, setTab] = useLocalStorage({ key: 'remora.agent-panel.tab', defaultValue: 'problems' })
  const panel = useRef<HTMLDivElement>(null)
  const tabs = [
    { value: 'problems', label: counted('Problems', problems.length + faults.length) },
    ...(Trial === undefined ? [] : [{ value: 'trial', label: 'Try' }]),
    ...(agent === undefined
      ? []
      : [
          { value: 'console', label: 'Console' },
          { value: 'nodes', label: counted('Nodes', agent.nodes.length) },
          { value: 'versions', label: 'Versions' },
        ]),
    { value: 'details', label: 'Details' },
  ]
  const shown = tabs.some(({ value }) => value === tab) ? tab : 'problems'
  return (
    <>
      <Split height={height} panel={panel} onHeight={setHeight} />
      <Tabs
        ref={panel}
        className={classes.panel ?? ''}
        style={{ height }}
        value={shown}
        onChange={(value) => value !== null && setTab(value)}
        keepMounted={false}
      >
        <Tabs.List>
          {tabs.map(({ value, label }) => (
            <Tabs.Tab key={value} value={value} size="xs" py={6}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={shown} className={classes.content ?? ''}>
          {shown === 'problems' && <Problems problems={problems} faults={faults} onGoTo={onGoTo} />}
          {shown === 'trial' && Trial !== undefined && (
            <Trial code={text.code} title={title} onGoToLine={onGoTo} />
          )}
          {shown === 'console' && agent !== undefined && (
            <div className={classes.fill}>
              <AgentConsole agent={agent.id} onGoToPlace={(_agent, line, column) => onGoTo(line, column)} />
            </div>
          )}
          {shown === 'nodes' && agent !== undefined && <NodeTable agent={agent} />}
          {shown === 'versions' && agent !== undefined && <Versions agent={agent} />}
          {shown === 'details' && (
            <AgentDetails agent={agent} code={text.code} hooks={hooks} scripting={scripting} />
          )}
        </Tabs.Panel>
      </Tabs>
    </>
  )
}

interface SplitProps {
  readonly height: number
  readonly panel: { readonly current: HTMLElement | null }
  readonly onHeight: (height: number) => void
}

/** Between code and panel; drawn, or moved by keys. */
function Split({ height, panel, onHeight }: SplitProps) {
  const bottom = () => panel.current?.getBoundingClientRect().bottom ?? innerHeight
  const drag = (event: PointerEvent<HTMLHRElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return
    onHeight(clampHeight(bottom() - event.clientY, innerHeight))
  }
  const press = (event: KeyboardEvent) => {
    const wanted = heightByKey(event.key, height, innerHeight)
    if (wanted === undefined) return
    event.preventDefault()
    onHeight(wanted)
  }
  return (
    <hr
      aria-label="Height of the panel"
      aria-orientation="horizontal"
      aria-valuenow={height}
      aria-valuemin={34}
      aria-valuemax={2000}
      tabIndex={0}
      className={classes.split}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag}
      onKeyDown={press}
    />
  )
}

function counted(what: string, count: number): string {
  return count === 0 ? what : `${what} ${count}`
}
