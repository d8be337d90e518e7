import { Switch, Table } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconEyeOff, IconHourglassEmpty } from '@tabler/icons-react'
import { useState } from 'react'
import type { NodeView } from '../../../src/wire/views.ts'
import { formatBytes, formatNumber } from '../../lib/format.ts'
import { type Kind, type Loss, lossesOf } from '../../lib/losses.ts'
import { nodeHistory } from '../../lib/watched.ts'
import classes from './health.module.css'
import { Section } from './section.tsx'

/** Every counter of something that is not there, and what it means. */
export function Losses({ nodes }: { readonly nodes: readonly NodeView[] }) {
  const [isAll, setAll] = useState(false)
  const losses = lossesOf(nodes, nodeHistory)
  const some = losses.filter(({ total }) => total > 0)
  const shown = isAll ? losses : some
  const toggle = (
    <Switch
      size="xs"
      label={`Also the ${losses.length - some.length} counters at zero`}
      checked={isAll}
      onChange={({ currentTarget }) => setAll(currentTarget.checked)}
    />
  )
  return (
    <Section title="What is lost, and what is not read" note={toggle}>
      {shown.length === 0 ? (
        <p className={classes.nothing}>Nothing, since the nodes were started.</p>
      ) : (
        <Table className={classes.table ?? ''}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Kind</Table.Th>
              <Table.Th>What</Table.Th>
              <Table.Th className={classes.number ?? ''}>Last minute</Table.Th>
              <Table.Th className={classes.number ?? ''}>Since the start</Table.Th>
              <Table.Th>Why</Table.Th>
              <Table.Th>Node</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((loss) => (
              <LossRow key={`${loss.node}/${loss.counter}`} loss={loss} />
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Section>
  )
}

function LossRow({ loss }: { readonly loss: Loss }) {
  const { kind, what, why, node, total, lastMinute, counter } = loss
  const amount = counter.includes('bytes') ? formatBytes : formatNumber
  const { icon: Icon, word, level } = total === 0 ? NONE : KINDS[kind]
  return (
    <Table.Tr>
      <Table.Td>
        <span className={classes.state} data-level={level}>
          <Icon size={14} aria-hidden />
          {word}
        </span>
      </Table.Td>
      <Table.Th scope="row">{what}</Table.Th>
      <Table.Td className={classes.number ?? ''} data-lost={(kind === 'lost' && lastMinute > 0) || undefined}>
        {lastMinute === 0 ? '–' : amount(lastMinute)}
      </Table.Td>
      <Table.Td className={classes.number ?? ''}>{total === 0 ? '–' : amount(total)}</Table.Td>
      <Table.Td className={classes.why ?? ''} title={counter}>
        {why}
      </Table.Td>
      <Table.Td>{node}</Table.Td>
    </Table.Tr>
  )
}

const NONE = { icon: IconCircleCheck, word: 'None', level: 'good' } as const
const KINDS = {
  lost: { icon: IconAlertTriangle, word: 'Lost', level: 'bad' },
  unread: { icon: IconEyeOff, word: 'Not read', level: 'warn' },
  aged: { icon: IconHourglassEmpty, word: 'Aged out', level: 'none' },
} as const satisfies Record<Kind, object>
