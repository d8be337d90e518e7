import { Text } from '@mantine/core'
import { modals } from '@mantine/modals'

interface Question {
  readonly title: string
  readonly text: string
  /** What the button says: the act, as `Delete`. */
  readonly act: string
  /** It loses nothing: no warning colour. */
  readonly isHarmless?: boolean
  readonly onConfirm: () => void
}

/** Asks before much is done, or what cannot be undone. */
export function confirm({ title, text, act, isHarmless = false, onConfirm }: Question): void {
  modals.openConfirmModal({
    title,
    children: <Text size="sm">{text}</Text>,
    labels: { confirm: act, cancel: 'Cancel' },
    confirmProps: isHarmless ? {} : { color: 'red' },
    onConfirm,
  })
}
