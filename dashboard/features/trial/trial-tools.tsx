import { Button, Select } from '@mantine/core'
import { IconFlask, IconPlayerPlay } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import type { CaptureView } from '../../../src/wire/captures.ts'
import type { TrialSource } from '../../../src/wire/trials.ts'
import { FilterBox } from '../../components/filter-box/filter-box.tsx'
import { Tools } from '../../components/tools.tsx'
import { api } from '../../lib/api.ts'
import classes from './trial.module.css'

interface Props {
  readonly source: TrialSource
  readonly onSource: (source: TrialSource) => void
  readonly isRunning: boolean
  readonly onRun: () => void
  readonly isMaking: boolean
  /** Undefined as long as there is nothing to make a test of. */
  readonly onMakeTest: (() => void) | undefined
}

/** On what an agent is tried, and the buttons that do it. */
export function TrialTools({ source, onSource, isRunning, onRun, isMaking, onMakeTest }: Props) {
  const captures = useQuery({
    queryKey: ['captures'],
    queryFn: () => api.get<{ readonly captures: readonly CaptureView[] }>('/captures'),
  })
  return (
    <Tools>
      <Select
        size="xs"
        w={180}
        aria-label="Traffic to try it on"
        allowDeselect={false}
        data={[...CHOICES, ...(captures.data?.captures ?? []).map(choiceForCapture)]}
        value={choiceOf(source)}
        onChange={(value) => onSource(sourceOf(value, source))}
      />
      {source.kind === 'recent' && (
        <div className={classes.filter}>
          <FilterBox
            label="Only entries that match"
            placeholder="All entries; or http and response.status >= 500"
            value={source.filter}
            isPartOfForm
            onDraft={(filter) => onSource({ ...source, filter })}
            onApply={(filter) => onSource({ ...source, filter })}
          />
        </div>
      )}
      <Button
        size="xs"
        color="sea.8"
        leftSection={<IconPlayerPlay size={14} aria-hidden />}
        loading={isRunning}
        onClick={onRun}
        title="Ctrl+Enter"
      >
        Run
      </Button>
      <Button
        size="xs"
        variant="default"
        leftSection={<IconFlask size={14} aria-hidden />}
        disabled={onMakeTest === undefined || isRunning}
        loading={isMaking}
        onClick={onMakeTest}
        title="Downloads the code, this traffic and what came of it, for remora test"
      >
        Make a test
      </Button>
    </Tools>
  )
}

const CHOICES = [
  { value: '60', label: 'The last minute' },
  { value: '300', label: 'The last 5 minutes' },
  { value: '900', label: 'The last 15 minutes' },
  { value: 'sample', label: 'The sample traffic' },
] as const

function choiceOf(source: TrialSource): string {
  return source.kind === 'recent'
    ? String(source.seconds)
    : source.kind === 'capture'
      ? CAPTURE + source.id
      : 'sample'
}

function choiceForCapture({ id, name }: CaptureView) {
  return { value: CAPTURE + id, label: name }
}

/** Before the identity of a capture. */
const CAPTURE = 'capture:'

/** The filter stays when only the time changes. */
function sourceOf(value: string | null, before: TrialSource): TrialSource {
  if (value === null || value === 'sample') return { kind: 'sample' }
  if (value.startsWith(CAPTURE)) return { kind: 'capture', id: value.slice(CAPTURE.length) }
  const filter = before.kind === 'recent' ? before.filter : ''
  return { kind: 'recent', seconds: Number(value), filter }
}
