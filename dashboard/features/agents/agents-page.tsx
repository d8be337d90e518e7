import { Button, Kbd, TextInput } from '@mantine/core'
import { IconPlus, IconSearch, IconTemplate } from '@tabler/icons-react'
import { useMemo, useRef } from 'react'
import { useNavigate } from 'react-router'
import { PageHeader } from '../../components/page-header.tsx'
import { EmptyState, LoadingState } from '../../components/states.tsx'
import { useAddress } from '../../lib/address.ts'
import { useOffer } from '../../lib/commands.ts'
import { useMay } from '../../lib/session.ts'
import { useTyped } from '../../lib/use-typed.ts'
import { useAgents } from '../../lib/watched.ts'
import { AgentTable } from './agent-table.tsx'
import classes from './agents-page.module.css'
import { foundAgents } from './summary.ts'
import { TemplateGallery } from './template-gallery.tsx'

/** All agents that are stored, and the way to new ones. */
export function AgentsPage() {
  const agents = useAgents()
  const mayWrite = useMay('author')
  const navigate = useNavigate()
  const [address, go] = useAddress()
  const [searched, searchFor] = useTyped(address.get('q') ?? '', (q) => go({ q }))
  const isGalleryOpen = address.has('templates')
  const openGallery = () => go({ templates: '1' })
  const search = useRef<HTMLInputElement>(null)
  const blank = () => void navigate('/agents/new')
  useOffer([
    {
      id: 'agents search',
      label: 'Search agents',
      group: 'Agents',
      keys: '/',
      run: () => search.current?.focus(),
    },
    ...(mayWrite
      ? [
          {
            id: 'agents template',
            label: 'New agent from a template',
            group: 'Agents',
            keys: 't',
            run: openGallery,
          },
          { id: 'agents blank', label: 'New blank agent', group: 'Agents', keys: 'n', run: blank },
        ]
      : []),
  ])
  const found = useMemo(() => foundAgents(agents ?? [], searched), [agents, searched])
  const newAgent = mayWrite && (
    <>
      <Button size="xs" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={blank}>
        Blank script
      </Button>
      <Button size="xs" leftSection={<IconTemplate size={14} aria-hidden />} onClick={openGallery}>
        New from template
      </Button>
    </>
  )

  return (
    <>
      <PageHeader title="Agents">{newAgent}</PageHeader>
      {agents === undefined ? (
        <LoadingState what="the agents" />
      ) : agents.length === 0 ? (
        <EmptyState title="No agents yet">
          <p>
            Agents are scripts that see every packet and every call. Begin with a template, write one of your
            own, or sync a folder with <code>remora scripts FOLDER</code>.
          </p>
          {newAgent}
        </EmptyState>
      ) : (
        <>
          <div className={classes.tools}>
            <TextInput
              ref={search}
              size="xs"
              type="search"
              className={classes.search ?? ''}
              aria-label="Search agents"
              placeholder="Title, file or code"
              leftSection={<IconSearch size={14} aria-hidden />}
              rightSection={<Kbd size="xs">/</Kbd>}
              value={searched}
              onChange={({ currentTarget }) => searchFor(currentTarget.value)}
            />
            <span className={classes.count} role="status">
              {countText(found.length, agents)}
            </span>
          </div>
          {found.length === 0 ? (
            <EmptyState title="No agent has all of these words">
              <Button size="xs" variant="default" onClick={() => searchFor('')}>
                Show all {agents.length}
              </Button>
            </EmptyState>
          ) : (
            <AgentTable agents={found} />
          )}
        </>
      )}
      {isGalleryOpen && (
        <TemplateGallery
          onClose={() => go({ templates: undefined })}
          onChoose={({ name }) => void navigate(`/agents/new?template=${name}`)}
        />
      )}
    </>
  )
}

function countText(found: number, agents: readonly { readonly active: boolean }[]): string {
  const active = agents.filter((agent) => agent.active).length
  const all = `${agents.length} ${agents.length === 1 ? 'agent' : 'agents'}, ${active} active`
  return found === agents.length ? all : `${found} of ${all}`
}
