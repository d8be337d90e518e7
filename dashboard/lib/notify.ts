import { notifications } from '@mantine/notifications'
import { ApiError } from './api.ts'

export function notifyDone(message: string): void {
  notifications.show({ message, color: 'teal', autoClose: 4000, closeButtonProps: CLOSE })
}

/** What was asked for did not happen, and why. Stays until it is closed. */
export function notifyFailure(what: string, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  const hint = error instanceof ApiError && error.hint !== undefined ? ` ${error.hint}` : ''
  notifications.show({
    title: what,
    message: message + hint,
    color: 'red',
    autoClose: false,
    closeButtonProps: CLOSE,
  })
}

/** It happened, but not all of it. Stays until it is closed. */
export function notifyWarning(what: string, message: string): void {
  notifications.show({ title: what, message, color: 'yellow', autoClose: false, closeButtonProps: CLOSE })
}

const CLOSE = { 'aria-label': 'Close the message' }
