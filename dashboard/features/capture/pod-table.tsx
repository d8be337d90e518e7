import type { PodTarget } from '../../../src/wire/targeting.ts'
import { type Column, Listing } from '../../components/listing/listing.tsx'
import { StateMark } from '../../components/listing/state-mark.tsx'
import classes from './capture.module.css'

/** Pods, with what becomes of their packets. */
export function PodTable({ pods }: { readonly pods: readonly PodTarget[] }) {
  return (
    <Listing
      label="Pods"
      columns={COLUMNS}
      rows={pods}
      keyOf={({ namespace, name }) => `${namespace}/${name}`}
      toneOf={({ state }) => (state === 'targeted' ? undefined : 'muted')}
    />
  )
}

const COLUMNS: readonly Column<PodTarget>[] = [
  {
    name: 'State',
    width: 128,
    cell: ({ state }) => <State state={state} />,
    title: ({ state }) => WHAT[state],
  },
  { name: 'Namespace', width: 120, cell: ({ namespace }) => namespace, title: ({ namespace }) => namespace },
  {
    name: 'Pod',
    cell: ({ name }) => <span className={classes.name}>{name}</span>,
    title: ({ name }) => name,
  },
  { name: 'Node', width: 120, cell: ({ node }) => node || '–', title: ({ node }) => node },
  {
    name: 'Address',
    width: 128,
    cell: ({ ips }) => ips[0] ?? '–',
    title: ({ ips }) => ips.join(', '),
  },
  {
    name: 'Traffic',
    width: 72,
    cell: ({ seen }) => (seen ? 'seen' : '–'),
    title: () => 'In the entries that workers keep',
  },
]

function State({ state }: Pick<PodTarget, 'state'>) {
  const sign = state === 'targeted' ? <circle cx="5" cy="5" r="4" /> : <path d="M2 4.25h6v1.5H2z" />
  return (
    <StateMark tone={TONES[state]} sign={sign}>
      {WORDS[state]}
    </StateMark>
  )
}

const TONES = { targeted: 'good', excluded: undefined, 'host-network': 'warn', ended: undefined } as const
const WORDS = {
  targeted: 'targeted',
  excluded: 'not targeted',
  'host-network': 'host network',
  ended: 'ended',
} as const
const WHAT = {
  targeted: 'Its packets are captured.',
  excluded: 'The rules leave it out.',
  'host-network':
    'Targeted, but it has the address of its node: its packets cannot be told from those of the node.',
  ended: 'It has ended; another pod may have its address by now.',
} as const
