import { ActionIcon, Tooltip } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import type { ComponentProps } from 'react'
import { ErrorState, LoadingState } from '../../../components/states.tsx'
import { api } from '../../../lib/api.ts'
import type { EntryLine } from '../entry-line.ts'
import { entryPath } from '../traffic-place.ts'
import classes from './details.module.css'
import { EntryDetails } from './entry-details.tsx'

interface Props extends Omit<ComponentProps<typeof EntryDetails>, 'text'> {
  readonly id: string
  /** Where it is in the list, as far as it is there. */
  readonly line: EntryLine | undefined
}

/** The entry that the address names: out of the list, or from the worker that keeps it. */
export function OpenEntry({ id, line, ...rest }: Props) {
  const { source, onClose } = rest
  const path = entryPath(id, source)
  const { data, error, refetch } = useQuery({
    queryKey: ['entry', id, source],
    queryFn: async ({ signal }) => (await api.fetch(path ?? '', { signal })).text(),
    enabled: line === undefined && path !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  })
  const text = line?.text ?? data
  if (text !== undefined) return <EntryDetails {...rest} text={text} />
  return (
    <>
      <div className={classes.head}>
        <h2 className={classes.summary}>{id}</h2>
        <Tooltip label="Close (Esc)">
          <ActionIcon variant="subtle" color="gray" aria-label="Close the details" onClick={onClose}>
            <IconX size={16} />
          </ActionIcon>
        </Tooltip>
      </div>
      {path === undefined || error !== null ? (
        <ErrorState
          title="This entry cannot be shown"
          error={error ?? new Error('The address names no entry.')}
          onRetry={() => void refetch()}
        />
      ) : (
        <LoadingState what="the entry" />
      )}
    </>
  )
}
