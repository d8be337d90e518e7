import { Button, Table } from '@mantine/core'
import { IconCheck, IconEyeOff, IconPencil, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import type { TrialOutcome } from '../../../src/wire/trials.ts'
import { EmptyState } from '../../components/states.tsx'
import { formatCount } from '../../lib/format.ts'
import { EntryLink } from './entry-link.tsx'
import classes from './trial.module.css'

interface Props {
  readonly marks: TrialOutcome['marks']
  readonly hasLinks: boolean
}

/** Entries that the agent has marked, and those that people would see changed, or not at all. */
export function TrialMarks({ marks, hasLinks }: Props) {
  const [shown, setShown] = useState(PAGE)
  if (marks.list.length === 0)
    return (
      <EmptyState title="No entry was marked">
        Entries that test.pass and test.fail mark, that get tags, and that onItemQueried changes or hides are
        shown here.
      </EmptyState>
    )
  return (
    <>
      <Table className={classes.table ?? ''} aria-label="Marked entries" verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Entry</Table.Th>
            <Table.Th>Marked</Table.Th>
            <Table.Th>Tags</Table.Th>
            <Table.Th>As people see it</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {marks.list.slice(0, shown).map((mark) => (
            <Table.Tr key={mark.entry}>
              <Table.Td>
                <EntryLink id={mark.entry} hasLink={hasLinks} />
              </Table.Td>
              <Table.Td>
                <Verdict passed={mark.passed} failed={mark.failed} />
              </Table.Td>
              <Table.Td className={classes.code ?? ''}>
                {mark.tags === undefined ? '' : JSON.stringify(mark.tags).slice(0, LONGEST_TAGS)}
              </Table.Td>
              <Table.Td className={classes.gist ?? ''}>
                <Shown {...mark} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {marks.list.length > shown && (
        <Button m="xs" size="xs" variant="default" onClick={() => setShown(shown + PAGE)}>
          Show {Math.min(PAGE, marks.list.length - shown)} more
        </Button>
      )}
      {marks.dropped > 0 && (
        <p className={classes.rest}>{formatCount(marks.dropped)} more are counted, and not shown.</p>
      )}
    </>
  )
}

interface VerdictProps {
  readonly passed: boolean | undefined
  readonly failed: boolean | undefined
}

/** Red wins over green. */
function Verdict({ passed, failed }: VerdictProps) {
  if (failed === true)
    return (
      <span className={classes.bad}>
        <IconX size={14} aria-hidden /> failed
      </span>
    )
  if (passed !== true) return null
  return (
    <span className={classes.good}>
      <IconCheck size={14} aria-hidden /> passed
    </span>
  )
}

function Shown({ queried, changes = [] }: TrialOutcome['marks']['list'][number]) {
  if (queried === 'hidden')
    return (
      <span>
        <IconEyeOff size={14} aria-hidden /> hidden
      </span>
    )
  const others = changes.filter((path) => !['passed', 'failed', 'tags'].includes(path))
  if (others.length === 0) return null
  return (
    <span>
      <IconPencil size={14} aria-hidden /> changed: <span className={classes.code}>{others.join(', ')}</span>
    </span>
  )
}

const PAGE = 200
const LONGEST_TAGS = 200
