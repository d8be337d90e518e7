import {
  Alert,
  Button,
  Group,
  Modal,
  NumberInput,
  SegmentedControl,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { FilterBox } from '../../components/filter-box/filter-box.tsx'
import { ApiError } from '../../lib/api.ts'
import { draftOf, isComplete, nameProblem, newForm, type RecordingForm, summaryOf } from './draft.ts'
import { minutesInWords } from './minutes.ts'
import classes from './recordings.module.css'
import { useCreate } from './use-recordings.ts'

interface Props {
  /** What is recorded if nobody changes it. */
  readonly filter: string
  /** Names that there are. */
  readonly taken: readonly string[]
  /** By the clock of the hub. */
  readonly now: number
  readonly onClose: () => void
}

/** Asks what is to be recorded, and when. */
export function NewRecording({ filter, taken, now, onClose }: Props) {
  return (
    <Modal
      opened
      onClose={onClose}
      title="New recording"
      size="lg"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Form filter={filter} taken={taken} now={now} onClose={onClose} />
    </Modal>
  )
}

function Form({ filter, taken, now, onClose }: Props) {
  const [form, setForm] = useState(() => newForm(filter, now, taken))
  const set = (change: Partial<RecordingForm>) => setForm((before) => ({ ...before, ...change }))
  const { mutate, isPending, error } = useCreate(onClose)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isComplete(form, taken)) mutate(draftOf(form))
  }
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <div>
          <Text size="sm" fw={500} mb={2}>
            Filter
          </Text>
          <FilterBox
            isPartOfForm
            label="Filter of the recording"
            placeholder="Everything; or http and response.status >= 500"
            value={form.filter}
            onDraft={(text) => set({ filter: text })}
            onApply={(text) => set({ filter: text })}
          />
        </div>
        <TextInput
          label="Name"
          data-autofocus
          value={form.name}
          error={nameProblem(form.name, taken)}
          onFocus={({ currentTarget }) => currentTarget.select()}
          onChange={({ currentTarget }) => set({ name: currentTarget.value })}
        />
        <SegmentedControl
          aria-label="When"
          value={form.when}
          onChange={(when) => set({ when: when === 'at' || when === 'past' ? when : 'now' })}
          data={[
            { value: 'now', label: 'From now on' },
            { value: 'at', label: 'At a time of day' },
            { value: 'past', label: 'The last minutes' },
          ]}
        />
        <Times form={form} set={set} />
        <Text size="sm" role="status" className={classes.summary}>
          {summaryOf(form, now)}
        </Text>
        <Text size="xs" c="dimmed">
          All packets of the connections of matching entries are kept, on the worker that saw them. Entries
          show up here some seconds after they came; find them with <code>record("{form.name.trim()}")</code>{' '}
          in the filter, too.
        </Text>
        {error !== null && (
          <Alert color="red" variant="light" role="alert">
            {error.message}
            {error instanceof ApiError && error.hint !== undefined && ` ${error.hint}`}
          </Alert>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={isPending} disabled={!isComplete(form, taken)}>
            {BUTTONS[form.when]}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

interface TimesProps {
  readonly form: RecordingForm
  readonly set: (change: Partial<RecordingForm>) => void
}

function Times({ form, set }: TimesProps) {
  return (
    <Group grow align="flex-start" gap="sm">
      {form.when === 'at' && (
        <TextInput
          label="Start (UTC)"
          placeholder="HH:mm"
          value={form.start}
          inputMode="numeric"
          description="Hours and minutes"
          onChange={({ currentTarget }) => set({ start: currentTarget.value })}
        />
      )}
      {form.when === 'at' && (
        <NumberInput
          label="Days in a row"
          description={form.iterations === 0 ? 'Every day, until it is stopped' : '0: every day'}
          value={form.iterations}
          min={0}
          max={3650}
          allowDecimal={false}
          onChange={(value) => set({ iterations: numberIn(value) })}
        />
      )}
      {form.when === 'past' ? (
        <Minutes
          label="Last minutes"
          value={form.lastMinutes}
          most={1440}
          onChange={(lastMinutes) => set({ lastMinutes })}
        />
      ) : (
        <Minutes
          label="Duration (min)"
          value={form.duration}
          most={form.when === 'at' && form.iterations !== 1 ? 1440 : 10_080}
          onChange={(duration) => set({ duration })}
        />
      )}
      <Minutes
        label="Expiration (min)"
        value={form.expiration}
        most={525_600}
        onChange={(expiration) => set({ expiration })}
      />
    </Group>
  )
}

interface MinutesProps {
  readonly label: string
  readonly value: number
  readonly most: number
  readonly onChange: (value: number) => void
}

function Minutes({ label, value, most, onChange }: MinutesProps) {
  return (
    <NumberInput
      label={label}
      description={Number.isNaN(value) ? 'Needs a number' : minutesInWords(value)}
      value={Number.isNaN(value) ? '' : value}
      min={1}
      max={most}
      allowDecimal={false}
      onChange={(given) => onChange(numberIn(given))}
    />
  )
}

function numberIn(value: number | string): number {
  return typeof value === 'number' ? value : Number.NaN
}

const BUTTONS = { now: 'Start recording', at: 'Schedule', past: 'Take what is there' } as const
