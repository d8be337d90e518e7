import { Button, Table, UnstyledButton } from '@mantine/core'
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import { Fragment, type ReactNode, useState } from 'react'
import type { Effect, TrialOutcome } from '../../../src/wire/trials.ts'
import { EmptyState } from '../../components/states.tsx'
import { formatCount, formatTime } from '../../lib/format.ts'
import { EntryLink } from './entry-link.tsx'
import { prettyJson, shortValue } from './outcome.ts'
import classes from './trial.module.css'

interface Props {
  readonly effects: TrialOutcome['effects']
  /** Entries are still there to be looked at. */
  readonly hasLinks: boolean
}

/** What the agent would have sent and written. */
export function TrialEffects({ effects, hasLinks }: Props) {
  const [shown, setShown] = useState(PAGE)
  if (effects.list.length === 0)
    return (
      <EmptyState title="No effects">
        It would have sent nothing, written no file, and told the hub nothing.
      </EmptyState>
    )
  return (
    <>
      <Table className={classes.table ?? ''} aria-label="Effects" verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Time</Table.Th>
            <Table.Th>Helper</Table.Th>
            <Table.Th>Where to, and what</Table.Th>
            <Table.Th>Entry</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {numbered(effects.list.slice(0, shown)).map(({ key, effect }) => (
            <EffectRows key={key} effect={effect} hasLinks={hasLinks} />
          ))}
        </Table.Tbody>
      </Table>
      {effects.list.length > shown && (
        <Button m="xs" size="xs" variant="default" onClick={() => setShown(shown + PAGE)}>
          Show {Math.min(PAGE, effects.list.length - shown)} more
        </Button>
      )}
      {effects.dropped > 0 && (
        <p className={classes.rest}>{formatCount(effects.dropped)} more are counted, and not shown.</p>
      )}
    </>
  )
}

/** In the order in which they came, which does not change. */
function numbered(effects: readonly Effect[]) {
  return effects.map((effect, at) => ({ key: `effect ${at}`, effect }))
}

function EffectRows({ effect, hasLinks }: { readonly effect: Effect; readonly hasLinks: boolean }) {
  const [isOpen, setOpen] = useState(false)
  const Chevron = isOpen ? IconChevronDown : IconChevronRight
  return (
    <Fragment>
      <Table.Tr>
        <Table.Td className={classes.time ?? ''}>{formatTime(effect.at)}</Table.Td>
        <Table.Td>
          <UnstyledButton
            className={classes.opener ?? ''}
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
          >
            <Chevron size={14} aria-hidden /> {effect.helper}
          </UnstyledButton>
        </Table.Td>
        <Table.Td className={classes.gist ?? ''}>
          <span className={classes.code}>{effect.target}</span>{' '}
          <span className={classes.muted}>{gistOf(effect)}</span>
          {effect.error !== undefined && <span className={classes.bad}> refused: {effect.error}</span>}
        </Table.Td>
        <Table.Td>
          <EntryLink id={effect.entry} hasLink={hasLinks} />
        </Table.Td>
      </Table.Tr>
      {isOpen && (
        <Table.Tr>
          <Table.Td colSpan={4}>
            <Details effect={effect} />
          </Table.Td>
        </Table.Tr>
      )}
    </Fragment>
  )
}

/** What goes there, on a line. */
function gistOf({ sent, arguments: given }: Effect): string {
  const text =
    sent?.body ??
    given
      .slice(1)
      .map(({ value }) => shortValue(value))
      .join(' ')
  return text.slice(0, LONGEST_GIST)
}

function Details({ effect }: { readonly effect: Effect }) {
  const { sent, arguments: given, answer, error } = effect
  return (
    <dl className={classes.details}>
      {sent === undefined ? (
        given.map(({ name, value }) => (
          <Detail key={name} name={name}>
            {prettyJson(value)}
          </Detail>
        ))
      ) : (
        <>
          <Detail name="Request">{`${sent.method} ${sent.url}`}</Detail>
          <Detail name="Headers">
            {Object.entries(sent.headers)
              .map(([name, value]) => `${name}: ${value}`)
              .join('\n')}
          </Detail>
          <Detail name="Body">{prettyJson(sent.body)}</Detail>
        </>
      )}
      <Detail name={error === undefined ? 'It got back' : 'It was refused'}>
        {error ?? (answer === null ? 'nothing' : prettyJson(answer))}
      </Detail>
    </dl>
  )
}

function Detail({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  if (children === '') return null
  return (
    <>
      <dt>{name}</dt>
      <dd className={classes.code}>{children}</dd>
    </>
  )
}

const PAGE = 200
const LONGEST_GIST = 300
