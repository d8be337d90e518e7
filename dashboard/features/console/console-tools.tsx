import { ActionIcon, Chip, Group, Select, TextInput, Tooltip } from '@mantine/core'
import { IconChevronDown, IconChevronUp, IconSearch, IconX } from '@tabler/icons-react'
import { type KeyboardEvent, useEffect, useRef } from 'react'
import type { AgentView, NodeView } from '../../../src/wire/views.ts'
import { countText } from '../../components/console/search.ts'
import { Tools } from '../../components/tools.tsx'
import { useOffer } from '../../lib/commands.ts'
import { useTyped } from '../../lib/use-typed.ts'
import classes from './console-page.module.css'
import { type ConsolePlace, LEVELS } from './console-place.ts'
import type { useSearch } from './use-search.ts'

interface Props {
  readonly place: ConsolePlace
  readonly onPlace: (place: ConsolePlace) => void
  readonly agents: readonly AgentView[]
  readonly nodes: readonly NodeView[]
  readonly search: ReturnType<typeof useSearch>
}

/** Of whom lines are shown, and of which kinds. */
export function ConsoleTools({ place, onPlace, agents, nodes, search }: Props) {
  const { agent, node, ...rest } = place
  return (
    <Tools>
      <Select
        className={classes.agent ?? ''}
        size="xs"
        aria-label="Agent"
        placeholder="All agents"
        searchable
        clearable
        data={agentChoices(agents, agent)}
        value={agent ?? null}
        onChange={(id) => onPlace({ ...rest, ...(node && { node }), ...(id && { agent: id }) })}
      />
      <Select
        className={classes.node ?? ''}
        size="xs"
        aria-label="Node"
        placeholder="All nodes"
        clearable
        data={nodeChoices(nodes, node)}
        value={node ?? null}
        onChange={(name) => onPlace({ ...rest, ...(agent && { agent }), ...(name && { node: name }) })}
      />
      <Chip.Group
        multiple
        value={[...place.levels]}
        onChange={(chosen) => onPlace({ ...place, levels: LEVELS.filter((level) => chosen.includes(level)) })}
      >
        <Group gap={4} role="group" aria-label="Levels that are shown" wrap="nowrap">
          {LEVELS.map((level) => (
            <Chip key={level} value={level} size="xs" variant="light">
              {level}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
      <SearchBox
        searched={place.searched}
        search={search}
        onChange={(searched) => onPlace({ ...place, searched })}
      />
    </Tools>
  )
}

interface SearchProps {
  readonly searched: string
  readonly search: Props['search']
  readonly onChange: (searched: string) => void
}

function SearchBox({ searched: kept, search, onChange: keep }: SearchProps) {
  const [searched, onChange] = useTyped(kept, keep)
  const box = useRef<HTMLInputElement>(null)
  const { matches, current, go } = search
  const focus = () => {
    box.current?.focus()
    box.current?.select()
  }
  useOffer([
    { id: 'console search', label: 'Search the console', group: 'Console', keys: 'mod+f', run: focus },
    { id: 'console search too', label: 'Search in these lines', group: 'Console', keys: '/', run: focus },
    { id: 'console next', label: 'Next match', group: 'Console', keys: 'F3', run: () => go(1) },
  ])
  useF3(go)
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') go(event.shiftKey ? -1 : 1)
    else if (event.key === 'Escape' && searched !== '') onChange('')
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <Group gap={4} wrap="nowrap" className={classes.search ?? ''}>
      <TextInput
        ref={box}
        size="xs"
        flex={1}
        type="search"
        aria-label="Search in lines"
        placeholder="Search"
        leftSection={<IconSearch size={14} aria-hidden />}
        rightSection={
          searched !== '' && (
            <ActionIcon
              size="xs"
              variant="subtle"
              color="gray"
              aria-label="Search for nothing"
              onClick={() => onChange('')}
            >
              <IconX size={12} />
            </ActionIcon>
          )
        }
        value={searched}
        onChange={({ currentTarget }) => onChange(currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {searched !== '' && (
        <>
          <span className={classes.count} role="status">
            {countText(matches.length, current)}
          </span>
          <Tooltip label="Match before (Shift Enter, Shift F3)">
            <ActionIcon
              variant="default"
              aria-label="Match before"
              disabled={matches.length === 0}
              onClick={() => go(-1)}
            >
              <IconChevronUp size={14} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Next match (Enter, F3)">
            <ActionIcon
              variant="default"
              aria-label="Next match"
              disabled={matches.length === 0}
              onClick={() => go(1)}
            >
              <IconChevronDown size={14} />
            </ActionIcon>
          </Tooltip>
        </>
      )}
    </Group>
  )
}

/** The key that goes on with a search, wherever one is. */
function useF3(go: (step: 1 | -1) => void): void {
  useEffect(() => {
    const take = (event: globalThis.KeyboardEvent) => {
      if (event.key !== 'F3') return
      event.preventDefault()
      go(event.shiftKey ? -1 : 1)
    }
    addEventListener('keydown', take)
    return () => removeEventListener('keydown', take)
  }, [go])
}

/** An agent that is gone may still have lines, and be in an address. */
function agentChoices(agents: readonly AgentView[], chosen: string | undefined) {
  const all = agents.map(({ id, title, active }) => ({
    value: id,
    label: active ? title : `${title} (inactive)`,
  }))
  const isKnown = chosen === undefined || all.some(({ value }) => value === chosen)
  return isKnown ? all : [...all, { value: chosen, label: 'An agent that is gone' }]
}

function nodeChoices(nodes: readonly NodeView[], chosen: string | undefined): string[] {
  return [...new Set([...nodes.map(({ node }) => node), ...(chosen === undefined ? [] : [chosen])])]
}
