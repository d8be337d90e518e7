import { ActionIcon, Button, Tabs, Tooltip } from '@mantine/core'
import { IconCopy, IconDownload, IconX } from '@tabler/icons-react'
import { type ReactNode, useMemo, useState } from 'react'
import { saveAs } from '../../../lib/api.ts'
import { copyText } from '../../../lib/clipboard.ts'
import { formatBytes, formatDateTime, formatMicros } from '../../../lib/format.ts'
import { type EntryRow, rowOf } from '../entry-row.ts'
import trafficClasses from '../traffic.module.css'
import classes from './details.module.css'
import { FilterAround } from './filter-actions.tsx'
import { kubernetesOf, withoutKubernetes } from './kubernetes.ts'
import { Message, SectionView } from './message.tsx'
import { useShapes } from './protocol-shapes.ts'
import { SectionFrame } from './section-frame.tsx'
import { type FieldShape, sectionsOf, titleOf } from './sections.ts'
import { Tree } from './tree.tsx'
import { fileName, LongText } from './values.tsx'

interface Props {
  /** JSON, as its worker wrote it. */
  readonly text: string
  readonly source: string | undefined
  /** The one that holds. */
  readonly filter: string
  readonly onClause: (clause: string) => void
  readonly onClose: () => void
  /** What else there is of it: its packets, files. */
  readonly packets?: (entry: EntryAsked) => ReactNode
  readonly downloads?: (entry: EntryAsked) => ReactNode
}

/** Which entry something else is shown of. */
export interface EntryAsked {
  readonly id: string
  /** Instead of what workers keep. */
  readonly source: string | undefined
  readonly entry: Readonly<Record<string, unknown>>
}

/** All that there is of an entry, drawn from the schema of its protocol. */
export function EntryDetails({ text, source, filter, onClause, onClose, packets, downloads }: Props) {
  // From entry to entry people look at the same part.
  const [chosen, setChosen] = useState<string>()
  const entry = useMemo(() => JSON.parse(text) as Readonly<Record<string, unknown>>, [text])
  const row = useMemo(() => rowOf(text), [text])
  const shapes = useShapes(entry)
  const around = useMemo(() => ({ entry, filter, onClause }), [entry, filter, onClause])
  const asked = { id: String(entry.id), source, entry }
  const messages = MESSAGES.filter(({ name }) => entry[name] !== null && entry[name] !== undefined)
  const isPaired = messages.some(({ name }) => name === 'request' || name === 'response')
  const shown = isPaired ? [...new Set([...MESSAGES.slice(0, 2), ...messages])] : messages
  const tabs = [
    ...shown.map(({ name }) => name),
    'about',
    ...(packets === undefined ? [] : ['packets']),
    'json',
  ]
  const tab = chosen !== undefined && tabs.includes(chosen) ? chosen : tabs[0]
  return (
    <FilterAround value={around}>
      <Head row={row} onClose={onClose}>
        {downloads?.(asked)}
      </Head>
      <Tabs
        value={tab ?? null}
        onChange={(name) => setChosen(name ?? undefined)}
        keepMounted={false}
        data-entry={asked.id}
        className={classes.tabs}
      >
        <Tabs.List>
          {shown.map(({ name }) => (
            <Tabs.Tab key={name} value={name}>
              {titleOf(name)}
            </Tabs.Tab>
          ))}
          <Tabs.Tab value="about">Timing and ends</Tabs.Tab>
          {packets !== undefined && <Tabs.Tab value="packets">Packets</Tabs.Tab>}
          <Tabs.Tab value="json">JSON</Tabs.Tab>
        </Tabs.List>
        {shown.map(({ name, nothing }) => (
          <Tabs.Panel key={name} value={name} className={classes.body}>
            <Message
              key={asked.id}
              title={titleOf(name)}
              message={entry[name]}
              path={[name]}
              shape={shapes[name]}
              nothing={nothing}
            />
          </Tabs.Panel>
        ))}
        <Tabs.Panel value="about" className={classes.body}>
          <About key={asked.id} entry={entry} row={row} shapes={shapes} />
        </Tabs.Panel>
        {packets !== undefined && (
          <Tabs.Panel value="packets" className={classes.body}>
            {packets(asked)}
          </Tabs.Panel>
        )}
        <Tabs.Panel value="json" className={classes.body}>
          <Json key={asked.id} entry={entry} text={text} />
        </Tabs.Panel>
      </Tabs>
    </FilterAround>
  )
}

interface HeadProps {
  readonly row: EntryRow | undefined
  readonly onClose: () => void
  readonly children: ReactNode
}

function Head({ row, onClose, children }: HeadProps) {
  return (
    <div className={classes.head}>
      {row !== undefined && (
        <>
          <span
            className={classes.badge}
            style={{ backgroundColor: row.protocol.background, color: row.protocol.foreground }}
          >
            {row.protocol.label}
          </span>
          <h2 className={classes.summary} title={`${row.method} ${row.summary}`}>
            <strong>{row.method}</strong>
            {row.summary}
          </h2>
          {row.status !== undefined && (
            <span className={trafficClasses.status} data-tone={row.status.tone}>
              {row.status.text}
            </span>
          )}
        </>
      )}
      {children}
      <Tooltip label="Close (Esc)">
        <ActionIcon variant="subtle" color="gray" aria-label="Close the details" onClick={onClose}>
          <IconX size={16} />
        </ActionIcon>
      </Tooltip>
    </div>
  )
}

/** When, how long, how much, between whom; and all that is not of the messages themselves. */
interface AboutProps {
  readonly entry: Readonly<Record<string, unknown>>
  readonly row: EntryRow | undefined
  readonly shapes: Readonly<Record<string, FieldShape | undefined>>
}

function About({ entry, row, shapes }: AboutProps) {
  const rest = Object.fromEntries(Object.entries(entry).filter(([name]) => !ELSEWHERE.has(name)))
  const ends = ['src', 'dst'] as const
  return (
    <>
      {row !== undefined && (
        <dl className={classes.timing}>
          <Fact name="Began" value={`${formatDateTime(row.at)}.${String(row.at % 1000).padStart(3, '0')}`} />
          <Fact name="Took" value={row.elapsed === undefined ? 'no reply' : formatMicros(row.elapsed)} />
          <Fact name="Request" value={formatBytes(Number(entry.requestSize ?? 0))} />
          <Fact name="Reply" value={formatBytes(Number(entry.responseSize ?? 0))} />
          {row.mark !== undefined && <Fact name="Agents say" value={row.mark} />}
          {row.tags.length > 0 && <Fact name="Tags" value={row.tags.join(', ')} />}
        </dl>
      )}
      {ends.map((name) => (
        <End key={name} name={name} value={entry[name]} shape={shapes[name]} />
      ))}
      <Sections title="Entry" value={rest} path={[]} shape={{ fields: known(shapes) }} />
    </>
  )
}

interface EndProps {
  readonly name: 'src' | 'dst'
  readonly value: unknown
  readonly shape: FieldShape | undefined
}

function End({ name, value, shape }: EndProps) {
  const title = name === 'src' ? 'Source' : 'Destination'
  return (
    <>
      <Sections title={title} value={withoutKubernetes(value)} path={[name]} shape={shape} />
      {kubernetesOf(value, [name]).map((section) => (
        <SectionView
          key={section.title}
          section={{ ...section, title: `${title}: ${section.title}` }}
          title={title}
        />
      ))}
    </>
  )
}

interface SectionsProps {
  readonly title: string
  readonly value: unknown
  readonly path: readonly string[]
  readonly shape: FieldShape | undefined
}

function Sections({ title, value, path, shape }: SectionsProps) {
  return sectionsOf(value, path, { shape, hidesZeros: path.length > 0 }).map((section) => (
    <SectionView
      key={`${section.kind} ${section.title}`}
      section={{
        ...section,
        title: section.title === '' ? title : `${title}: ${section.title.toLowerCase()}`,
      }}
      title={title}
    />
  ))
}

function known(shapes: AboutProps['shapes']): Readonly<Record<string, FieldShape>> {
  return Object.fromEntries(
    Object.entries(shapes).flatMap(([name, shape]) => (shape === undefined ? [] : [[name, shape]])),
  )
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

/** The entry as agents get it; too large ones as text. */
function Json({ entry, text }: { readonly entry: Readonly<Record<string, unknown>>; readonly text: string }) {
  return (
    <SectionFrame
      title="Entry"
      note={formatBytes(text.length)}
      actions={
        <>
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconCopy size={13} aria-hidden />}
            onClick={() => void copyText(JSON.stringify(entry, undefined, 2), 'Entry')}
          >
            Copy
          </Button>
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconDownload size={13} aria-hidden />}
            onClick={() =>
              saveAs(new Blob([text], { type: 'application/json' }), `${fileName(String(entry.id))}.json`)
            }
          >
            Download
          </Button>
        </>
      }
    >
      {text.length > MOST_TREE ? (
        <div className={classes.long}>
          <LongText text={text} name="entry" first={20_000} />
        </div>
      ) : (
        <Tree label="Entry" value={entry} path={[]} most={2000} />
      )}
    </SectionFrame>
  )
}

const MESSAGES = [
  { name: 'request', nothing: 'There is no request: the capture began after it, or it was lost.' },
  { name: 'response', nothing: 'There is no reply: none came in time, or the capture ended before.' },
  { name: 'data', nothing: '' },
  { name: 'event', nothing: '' },
] as const
/** What is shown in places of its own. */
const ELSEWHERE: ReadonlySet<string> = new Set(['request', 'response', 'data', 'event', 'src', 'dst', 'base'])
const MOST_TREE = 4 << 20
