import { TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'

interface Props {
  /** What is searched: `jobs`. */
  readonly what: string
  /** Which of their fields. */
  readonly fields: string
  readonly value: string
  readonly onChange: (text: string) => void
}

/** Narrows what a screen lists, in its header. */
export function SearchBox({ what, fields, value, onChange }: Props) {
  return (
    <TextInput
      size="xs"
      w={220}
      type="search"
      aria-label={`Search in ${what}`}
      placeholder={fields}
      leftSection={<IconSearch size={14} aria-hidden />}
      value={value}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  )
}
