import { Alert, Button, Group, NumberInput, Stack, TagsInput, Text, TextInput } from '@mantine/core'
import type { FormEvent } from 'react'
import type { TargetingRules } from '../../../src/wire/targeting.ts'
import { ApiError } from '../../lib/api.ts'
import classes from './capture.module.css'

interface Props {
  readonly rules: TargetingRules
  /** Namespaces that there are. */
  readonly namespaces: readonly string[]
  readonly isChanged: boolean
  readonly isSaving: boolean
  readonly mayChange: boolean
  /** What is wrong with the rules, or with saving them. */
  readonly error: unknown
  /** Who has saved other rules since somebody began to change these; undefined: nobody has. */
  readonly other: string | undefined
  readonly onKeep: () => void
  readonly onChange: (change: Partial<TargetingRules>) => void
  readonly onSave: () => void
  readonly onDiscard: () => void
}

/** Which pods are captured. */
export function RulesForm(props: Props) {
  const { rules, namespaces, isChanged, isSaving, mayChange, error, other } = props
  const { onKeep, onChange, onSave, onDiscard } = props
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isChanged) onSave()
  }
  const isReplaced = rules.bpfOverride.trim() !== ''
  return (
    <form onSubmit={submit} noValidate className={classes.form} aria-label="Rules">
      <Stack gap="sm">
        <TextInput
          label="Pods"
          description="A regular expression for their names"
          value={rules.regex}
          disabled={!mayChange || isReplaced}
          onChange={({ currentTarget }) => onChange({ regex: currentTarget.value })}
          classNames={{ input: classes.code ?? '' }}
        />
        <TagsInput
          label="Namespaces"
          description="Only pods in these; none: in all"
          placeholder={rules.namespaces.length === 0 ? 'All' : ''}
          data={[...namespaces]}
          value={[...rules.namespaces]}
          disabled={!mayChange || isReplaced}
          onChange={(chosen) => onChange({ namespaces: chosen })}
        />
        <TagsInput
          label="Excluded namespaces"
          description="No pods in these"
          placeholder={rules.excludedNamespaces.length === 0 ? 'None' : ''}
          data={[...namespaces]}
          value={[...rules.excludedNamespaces]}
          disabled={!mayChange || isReplaced}
          onChange={(chosen) => onChange({ excludedNamespaces: chosen })}
        />
        <TextInput
          label="Capture filter"
          description="BPF, instead of all of these: tcp port 80"
          placeholder="None"
          value={rules.bpfOverride}
          disabled={!mayChange}
          onChange={({ currentTarget }) => onChange({ bpfOverride: currentTarget.value })}
          classNames={{ input: classes.code ?? '' }}
        />
        <NumberInput
          label="Sampling"
          description="Percent of the connections that are read"
          suffix=" %"
          min={0}
          max={100}
          value={rules.sampleRate}
          disabled={!mayChange}
          onChange={(value) => typeof value === 'number' && onChange({ sampleRate: value })}
        />
        {other !== undefined && (
          <Alert
            color="yellow"
            variant="light"
            role="alert"
            title={`${other} has saved other rules meanwhile`}
          >
            <Stack gap="xs" align="flex-start">
              <Text size="sm">Discard what is here to see them, or keep it and save it over them.</Text>
              <Button size="xs" variant="default" onClick={onKeep}>
                Keep mine
              </Button>
            </Stack>
          </Alert>
        )}
        {error !== null && (
          <Alert color="red" variant="light" role="alert" className={classes.error}>
            {error instanceof Error ? error.message : String(error)}.
            {error instanceof ApiError && error.hint !== undefined && ` ${error.hint}`}
          </Alert>
        )}
        {mayChange ? (
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onDiscard} disabled={!isChanged}>
              Discard
            </Button>
            <Button type="submit" loading={isSaving} disabled={!isChanged}>
              Save
            </Button>
          </Group>
        ) : (
          <Text size="xs" c="dimmed">
            Changing them takes the role operator.
          </Text>
        )}
      </Stack>
    </form>
  )
}
