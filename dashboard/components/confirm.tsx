import { Text } from '@mantine/core'
import { modals } from '@mantine/modals'

interface Question {
  readonly title: string
  readonly text: string
  /** What the button says: the act, as `Delete`. */
  readonly act: string
  readonly onConfirm: () => void
}

/** Asks before something is done that cannot be undone. */
export function confirm({ title, text, act, onConfirm }: Question): void {
  modals.openConfirmModal({
    title,
    children: <Text size="sm">{text}</Text>,
    labels: { confirm: act, cancel: 'Cancel' },
    confirmProps: { color: 'red' },
    onConfirm,
  })
}
