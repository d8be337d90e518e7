import {
  ActionIcon,
  Badge,
  Button,
  Group,
  Kbd,
  Tooltip,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import { spotlight } from '@mantine/spotlight'
import { IconMoon, IconSearch, IconSun } from '@tabler/icons-react'
import { Link } from 'react-router'
import { useOffer } from '../lib/commands.ts'
import { useConnection } from '../lib/page-stream.ts'
import { useSession } from '../lib/session.ts'
import { LossBadge } from './loss-badge.tsx'
import classes from './shell.module.css'

export function Header() {
  return (
    <header className={classes.header}>
      <Link to="/traffic" className={classes.brand ?? ''}>
        <img src="/remora.svg" alt="" width={24} height={24} />
        Remora
      </Link>
      <Group gap="xs" wrap="nowrap">
        <Connection />
        <LossBadge />
        <Button
          size="xs"
          variant="default"
          leftSection={<IconSearch size={14} aria-hidden />}
          rightSection={
            <Kbd size="xs" className={classes.shortcut ?? ''}>
              Ctrl K
            </Kbd>
          }
          onClick={() => spotlight.open()}
        >
          <span className={classes.word}>Commands</span>
        </Button>
        <SchemeToggle />
        <Who />
      </Group>
    </header>
  )
}

/** Whether this page hears of what happens. */
function Connection() {
  const state = useConnection()
  if (state === 'open') return null
  return (
    <Badge color="yellow" variant="light" role="status">
      {state === 'lost' ? 'Connection lost, trying again' : 'Connecting'}
    </Badge>
  )
}

function SchemeToggle() {
  const { setColorScheme } = useMantineColorScheme()
  const isDark = useComputedColorScheme('light') === 'dark'
  const label = isDark ? 'Light colours' : 'Dark colours'
  const toggle = () => setColorScheme(isDark ? 'light' : 'dark')
  useOffer([{ id: 'scheme', label, group: 'View', run: toggle }])
  return (
    <Tooltip label={label}>
      <ActionIcon variant="default" size="lg" aria-label={label} onClick={toggle}>
        {isDark ? <IconSun size={16} /> : <IconMoon size={16} />}
      </ActionIcon>
    </Tooltip>
  )
}

function Who() {
  const { me } = useSession()
  if (me === undefined || me.name === 'local') return null
  return (
    <Tooltip label={`Remora ${me.version}`}>
      <Badge variant="default">
        {me.name} · {me.role}
      </Badge>
    </Tooltip>
  )
}
