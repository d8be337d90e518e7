import { Alert, Button, Center, Code, Loader, Stack, Text, Title } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { ApiError } from '../lib/api.ts'

/** Nothing is shown, and this says why, and what to do about it. */
export function EmptyState({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <Center h="100%" mih={200} p="xl">
      <Stack align="center" gap="xs" maw={560} ta="center">
        <Title order={2} size="h4">
          {title}
        </Title>
        <Text component="div" c="dimmed">
          {children}
        </Text>
      </Stack>
    </Center>
  )
}

export function LoadingState({ what }: { readonly what: string }) {
  return (
    <Center h="100%" mih={200} role="status" aria-label={`Loading ${what}`}>
      <Loader size="sm" />
    </Center>
  )
}

interface ErrorProps {
  readonly title: string
  readonly error: unknown
  readonly onRetry?: () => void
}

/** What went wrong, how to mend it, and a way to try again. */
export function ErrorState({ title, error, onRetry }: ErrorProps) {
  return (
    <Alert m="md" color="red" variant="light" icon={<IconAlertTriangle />} title={title} role="alert">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{error instanceof Error ? error.message : String(error)}</Text>
        {error instanceof ApiError && (
          <Text size="sm" c="dimmed">
            {error.hint} <Code>{error.code}</Code>
          </Text>
        )}
        {onRetry !== undefined && (
          <Button size="xs" variant="default" onClick={onRetry}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  )
}
