import { Button, Center, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { ApiError, api, token } from '../lib/api.ts'

/** The hub wants to know who asks. */
export function Login({ onToken }: { readonly onToken: () => void }) {
  const [value, setValue] = useState('')
  const [problem, setProblem] = useState<string>()

  const send = async (event: FormEvent) => {
    event.preventDefault()
    token.set(value.trim())
    try {
      await api.get('/me')
      onToken()
    } catch (error) {
      token.set(undefined)
      setProblem(error instanceof ApiError ? error.message : String(error))
    }
  }

  return (
    <Center component="main" h="100%">
      <Paper component="form" withBorder p="lg" w={380} onSubmit={(event) => void send(event)}>
        <Stack>
          <Title order={1} size="h3">
            Remora
          </Title>
          <Text c="dimmed" size="sm">
            This hub asks who you are. Use one of its tokens (hub.tokens). It is kept until this tab is
            closed.
          </Text>
          <PasswordInput
            label="Token"
            autoComplete="current-password"
            data-autofocus
            required
            value={value}
            error={problem}
            onChange={({ currentTarget }) => setValue(currentTarget.value)}
          />
          <Button type="submit">Continue</Button>
        </Stack>
      </Paper>
    </Center>
  )
}
