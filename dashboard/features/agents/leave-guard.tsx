import { Button, Group, Modal, Text } from '@mantine/core'
import { type RefObject, useEffect } from 'react'
import { useBlocker } from 'react-router'

interface Props {
  readonly isUnsaved: boolean
  /** What is unsaved may be left now, without a question. */
  readonly isLeaving: RefObject<boolean>
  /** Answers whether it is stored. */
  readonly onSave: () => Promise<boolean>
}

/** Asks before one leaves what is not saved. */
export function LeaveGuard({ isUnsaved, isLeaving, onSave }: Props) {
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) =>
      isUnsaved && !isLeaving.current && currentLocation.pathname !== nextLocation.pathname,
  )
  useEffect(() => {
    if (!isUnsaved) return
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', warn)
    return () => removeEventListener('beforeunload', warn)
  }, [isUnsaved])
  const saveAndLeave = async () => {
    if (await onSave()) blocker.proceed?.()
    else blocker.reset?.()
  }
  return (
    <Modal
      opened={blocker.state === 'blocked'}
      onClose={() => blocker.reset?.()}
      title="Leave without saving?"
      zIndex={300}
    >
      <Text size="sm">What you wrote is kept as a draft in this browser, until you save or discard it.</Text>
      <Group mt="md" gap="xs" justify="flex-end">
        <Button variant="default" data-autofocus onClick={() => blocker.reset?.()}>
          Stay
        </Button>
        <Button variant="default" onClick={() => blocker.proceed?.()}>
          Leave
        </Button>
        <Button onClick={() => void saveAndLeave()}>Save and leave</Button>
      </Group>
    </Modal>
  )
}
