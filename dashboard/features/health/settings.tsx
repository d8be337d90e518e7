import { Checkbox, Group, Table, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import type { SettingView } from '../../../src/wire/identity.ts'
import { EmptyState, ErrorState, LoadingState } from '../../components/states.tsx'
import { useAddress } from '../../lib/address.ts'
import { api } from '../../lib/api.ts'
import { useTyped } from '../../lib/use-typed.ts'
import classes from './health.module.css'
import { Section } from './section.tsx'
import { matching } from './settings-search.ts'

/** Every setting of the hub that answers, and where it came from. */
export function Settings() {
  const { data, error, refetch } = useQuery({
    queryKey: ['settings'],
    queryFn: () => api.get<readonly SettingView[]>('/settings'),
  })
  if (error !== null)
    return <ErrorState title="Settings cannot be shown" error={error} onRetry={() => void refetch()} />
  return data === undefined ? <LoadingState what="settings" /> : <Found settings={data} />
}

function Found({ settings }: { readonly settings: readonly SettingView[] }) {
  const [address, go] = useAddress()
  const [text, find] = useTyped(address.get('find') ?? '', (words) => go({ find: words }))
  const search = { text, onlySet: address.get('set') === '1' }
  const found = matching(settings, search)
  return (
    <>
      <Group className={classes.tools ?? ''} gap="md">
        <TextInput
          w={320}
          size="xs"
          aria-label="Find settings"
          placeholder="Find by name, value or words"
          leftSection={<IconSearch size={14} aria-hidden />}
          value={search.text}
          onChange={({ currentTarget }) => find(currentTarget.value)}
        />
        <Checkbox
          size="xs"
          label="Only those that somebody set"
          checked={search.onlySet}
          onChange={({ currentTarget }) => go({ set: currentTarget.checked ? '1' : '' })}
        />
        <span className={classes.note} role="status">
          {found.length} of {settings.length}
        </span>
      </Group>
      <Section
        title="Settings of the hub"
        note="secrets are not shown; docs/generated/configuration.md has all of them"
      >
        {found.length === 0 ? (
          <EmptyState title="No setting is like that">
            {search.onlySet ? 'All others have their defaults.' : 'Other words may find it.'}
          </EmptyState>
        ) : (
          <SettingsTable settings={found} />
        )}
      </Section>
    </>
  )
}

function SettingsTable({ settings }: { readonly settings: readonly SettingView[] }) {
  return (
    <Table className={classes.table ?? ''}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Setting</Table.Th>
          <Table.Th>Value</Table.Th>
          <Table.Th>From</Table.Th>
          <Table.Th>What it does</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {settings.map((setting) => (
          <Table.Tr key={setting.key}>
            <Table.Th scope="row" className={classes.code ?? ''}>
              {setting.key}
            </Table.Th>
            <Table.Td className={classes.value ?? ''}>{JSON.stringify(setting.value)}</Table.Td>
            <Table.Td>
              <Source setting={setting} />
            </Table.Td>
            <Table.Td className={classes.why ?? ''}>{setting.doc}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

function Source({ setting: { source, origin } }: { readonly setting: SettingView }) {
  if (source === 'default') return <span className={classes.note}>default</span>
  return <span className={classes.origin}>{origin}</span>
}
