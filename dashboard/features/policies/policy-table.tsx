import { IconTrash } from '@tabler/icons-react'
import type { PolicyView } from '../../../src/wire/policies.ts'
import { AgentLink } from '../../components/agent-link.tsx'
import { confirm } from '../../components/confirm.tsx'
import { IconAction } from '../../components/icon-action.tsx'
import { Facts } from '../../components/listing/facts.tsx'
import { type Column, Listing } from '../../components/listing/listing.tsx'
import { RowOpener } from '../../components/listing/row-opener.tsx'
import { formatBytes, formatDateTime, formatDuration, formatNumber } from '../../lib/format.ts'
import { visibleLine, visibleText } from '../../lib/visible-text.ts'
import classes from './policies.module.css'
import { stateOf } from './policy-list.ts'

interface Props {
  readonly policies: readonly PolicyView[]
  /** Name of the one whose details are shown; "" for none. */
  readonly opened: string
  readonly onOpen: (name: string) => void
  readonly onRemove: (policy: PolicyView) => void
  readonly mayOperate: boolean
}

/** Policies in force, a line each. */
export function PolicyTable(props: Props) {
  const { policies, opened } = props
  return (
    <Listing
      label="Policies"
      columns={columnsOf(props)}
      rows={policies}
      keyOf={({ name }) => name}
      below={(policy) => (policy.name === opened ? <Details policy={policy} /> : undefined)}
    />
  )
}

function columnsOf({ policies, opened, onOpen, onRemove, mayOperate }: Props): readonly Column<PolicyView>[] {
  return [
    {
      name: 'Policy',
      title: ({ summary }) => summary,
      cell: ({ name, summary }) => (
        <RowOpener
          of={visibleLine(summary)}
          isOpen={name === opened}
          onToggle={() => onOpen(name === opened ? '' : name)}
        >
          <span className={classes.name}>{visibleLine(summary)}</span>
        </RowOpener>
      ),
    },
    {
      name: 'State',
      width: 84,
      title: (policy) => stateOf(policy).trouble,
      cell: (policy) => {
        const { word, trouble } = stateOf(policy)
        return trouble === '' ? word : <span className={classes.trouble}>{word}</span>
      },
    },
    {
      name: 'Agent',
      width: 168,
      title: ({ agentTitle }) => agentTitle,
      cell: ({ agent, agentTitle }) => <AgentLink id={agent} title={agentTitle} />,
    },
    {
      name: 'Why',
      width: 240,
      title: ({ reason }) => reason,
      cell: ({ reason }) => visibleLine(reason),
    },
    {
      name: 'Ends',
      width: 88,
      isRight: true,
      title: ({ expiresAt }) => formatDateTime(expiresAt),
      cell: ({ remainingMs }) => `in ${formatDuration(Math.max(remainingMs, 0))}`,
    },
    // Kubernetes does not count it.
    ...(policies.some(({ cut }) => cut !== null) ? [CUT] : []),
    ...(mayOperate
      ? [
          {
            name: 'Actions',
            width: 76,
            isRight: true,
            cell: (policy: PolicyView) => <Remove policy={policy} onRemove={onRemove} />,
          },
        ]
      : []),
  ]
}

const CUT: Column<PolicyView> = {
  name: 'Cut',
  width: 128,
  isRight: true,
  title: ({ cut }) =>
    cut === null ? 'Kubernetes does not count it' : `${formatBytes(cut.bytes)} in packets`,
  cell: ({ cut }) => (cut === null ? 'not counted' : `${formatNumber(cut.packets)} packets`),
}

function Remove({ policy, onRemove }: { readonly policy: PolicyView; readonly onRemove: Props['onRemove'] }) {
  const what = visibleLine(policy.summary)
  return (
    <IconAction
      label={`Lift ${what}`}
      onClick={() =>
        confirm({
          title: 'Lift this policy?',
          text: `What ${what} cuts passes again at once. ${policy.agentTitle} may apply it anew.`,
          act: 'Lift',
          onConfirm: () => onRemove(policy),
        })
      }
    >
      <IconTrash size={16} />
    </IconAction>
  )
}

function Details({ policy }: { readonly policy: PolicyView }) {
  const { name, namespace, node, appliedAt, expiresAt, remainingMs, reason, rule, workers, changed } = policy
  return (
    <Facts
      facts={[
        ['Name', name],
        ...(namespace === '' ? [] : [['Namespace', namespace] as [string, string]]),
        ['Applied', `${formatDateTime(appliedAt)}, on ${node}`],
        ['Until', `${formatDateTime(expiresAt)}, in ${formatDuration(remainingMs)}`],
        ...(changed
          ? [
              ['Changed', 'Somebody else has changed it; it stays so until its time is over'] as [
                string,
                string,
              ],
            ]
          : []),
        ['Why', reason === '' ? 'No reason was given' : visibleText(reason)],
        ...workers.map(
          ({ node: worker, state, packets, bytes, error }) =>
            [
              worker,
              error === undefined
                ? `${state}; ${formatNumber(packets)} packets, ${formatBytes(bytes)}`
                : `${state}: ${visibleText(error)}`,
            ] as [string, string],
        ),
        [
          'Rule',
          <pre className={classes.rule} key="rule">
            {visibleText(JSON.stringify(rule, undefined, 2))}
          </pre>,
        ],
      ]}
    />
  )
}
