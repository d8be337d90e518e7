import type { ReactNode } from 'react'
import type { RecordingState } from '../../../src/wire/recordings.ts'
import { StateMark } from '../../components/listing/state-mark.tsx'

export function State({ state }: { readonly state: RecordingState }) {
  const [tone, sign] = MARKS[state]
  return (
    <StateMark tone={tone} sign={sign} isLive={state === 'recording'}>
      {state}
    </StateMark>
  )
}

const MARKS: { readonly [State in RecordingState]: readonly ['good' | 'bad' | 'muted' | 'plan', ReactNode] } =
  {
    scheduled: [
      'plan',
      <circle key="sign" cx="5" cy="5" r="3.5" fill="none" stroke="currentColor" strokeWidth="1.5" />,
    ],
    recording: ['bad', <circle key="sign" cx="5" cy="5" r="4.5" />],
    done: ['good', <path key="sign" d="M1 5l1-1 2 2 4-4 1 1-5 5z" />],
    expired: ['muted', <path key="sign" d="M2 4.25h6v1.5H2z" />],
    failed: ['bad', <path key="sign" d="M2 1l3 3 3-3 1 1-3 3 3 3-1 1-3-3-3 3-1-1 3-3-3-3z" />],
  }
