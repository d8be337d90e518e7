import { Anchor } from '@mantine/core'
import { Link } from 'react-router'
import { AgentLink } from '../../components/agent-link.tsx'
import { type Fact, Facts } from '../../components/listing/facts.tsx'
import { type Column, Listing } from '../../components/listing/listing.tsx'
import { RowOpener } from '../../components/listing/row-opener.tsx'
import { formatBytes, formatDateTime, formatMicros, formatTime } from '../../lib/format.ts'
import { visibleLine, visibleText } from '../../lib/visible-text.ts'
import classes from './effects.module.css'
import type { KeyedEffect } from './kept-effects.ts'
import { withoutHelper } from './outbox-rows.ts'
import { Outcome } from './outcome.tsx'

interface Props {
  readonly effects: readonly KeyedEffect[]
  /** Key of the one whose details are shown; "" for none. */
  readonly opened: string
  readonly onOpen: (key: string) => void
  readonly onAway: (isAway: boolean) => void
}

/** What agents have done, a line each, newest first. */
export function EffectLog({ effects, opened, onOpen, onAway }: Props) {
  return (
    <Listing
      label="Effects"
      columns={columnsOf(opened, onOpen)}
      rows={effects}
      keyOf={({ key }) => key}
      below={(effect) => (effect.key === opened ? <Facts facts={factsOf(effect)} /> : undefined)}
      onAway={onAway}
    />
  )
}

function columnsOf(opened: string, onOpen: Props['onOpen']): readonly Column<KeyedEffect>[] {
  return [
    {
      name: 'Time',
      width: 162,
      title: ({ at }) => formatDateTime(at),
      cell: ({ key, at, helper }) => (
        <RowOpener
          of={`${helper} at ${formatTime(at)}`}
          isOpen={key === opened}
          onToggle={() => onOpen(key === opened ? '' : key)}
        >
          <span>{formatDateTime(at).slice(5)}</span>
        </RowOpener>
      ),
    },
    { name: 'Outcome', width: 122, cell: ({ outcome }) => <Outcome outcome={outcome} /> },
    {
      name: 'Agent',
      width: 150,
      title: ({ title }) => title,
      cell: ({ agent, title }) => <AgentLink id={agent} title={title} />,
    },
    { name: 'Helper', width: 145, title: ({ helper }) => helper, cell: ({ helper }) => helper },
    {
      name: 'Target',
      title: ({ target, error }) => (error === undefined ? target : `${target}\n${error}`),
      cell: ({ target, helper, error }) => (
        <>
          <span className={classes.code}>{visibleLine(target)}</span>
          {error !== undefined && <span className={classes.error}>{withoutHelper(error, helper)}</span>}
        </>
      ),
    },
    { name: 'Status', width: 58, isRight: true, cell: ({ status }) => status ?? '' },
    {
      name: 'Took',
      width: 72,
      isRight: true,
      cell: ({ outcome, ms }) => (outcome === 'dead' ? '' : formatMicros(ms * 1000)),
    },
    { name: 'Node', width: 80, title: ({ node }) => node, cell: ({ node }) => node },
    {
      name: 'Entry',
      width: 58,
      cell: ({ entry }) => entry !== undefined && <EntryLink id={entry}>show</EntryLink>,
    },
  ]
}

function factsOf(effect: KeyedEffect): Fact[] {
  const {
    at,
    title,
    version,
    node,
    component,
    helper,
    kind,
    target,
    status,
    ms,
    bytes,
    queuedId,
    error,
    entry,
  } = effect
  return [
    ['Over at', `${formatDateTime(at)}${formatTime(at).slice(8)}, after ${formatMicros(ms * 1000)}`],
    ['Agent', version === undefined ? title : `${title}, version ${version}`],
    ['On', component === 'hub' ? node : `${node}, a worker`],
    ['Helper', `${helper} (${kind})`],
    [
      'Target',
      <span className={classes.code} key="target">
        {target}
      </span>,
    ],
    ...(status === undefined ? [] : [['Status', String(status)] as const]),
    ...(error === undefined ? [] : [['Error', visibleText(error)] as const]),
    ['Sent', formatBytes(bytes)],
    ...(queuedId === undefined ? [] : [['Queued call', queuedId] as const]),
    ...(entry === undefined
      ? []
      : [
          [
            'Entry',
            <EntryLink key="entry" id={entry}>
              {entry}
            </EntryLink>,
          ] as const,
        ]),
  ]
}

function EntryLink({ id, children }: { readonly id: string; readonly children: string }) {
  return (
    <Anchor
      component={Link}
      to={`/traffic?entry=${encodeURIComponent(id)}`}
      inherit
      title={`Show ${id} in the traffic, while it is kept`}
    >
      {children}
    </Anchor>
  )
}
