import { Button, Kbd, TextInput } from '@mantine/core'
import { IconPlus, IconSearch, IconTemplate } from '@tabler/icons-react'
import { useMemo, useRef } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { PageHeader } from '../../components/page-header.tsx'
import { EmptyState, LoadingState } from '../../components/states.tsx'
import { useOffer } from '../../lib/commands.ts'
import { useMay } from '../../lib/session.ts'
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
  const [params, setParams] = useSearchParams()
  const searched = params.get('q') ?? ''
  const isGalleryOpen = params.has('templates')
  const set = (name: string, value: string | undefined) =>
    setParams(
      (before) => {
        if (value === undefined) before.delete(name)
        else before.set(name, value)
        return before
      },
      { replace: true },
    )
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
            run: () => set('templates', ''),
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
      <Button
        size="xs"
        leftSection={<IconTemplate size={14} aria-hidden />}
        onClick={() => set('templates', '')}
      >
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
              onChange={({ currentTarget }) => set('q', currentTarget.value || undefined)}
            />
            <span className={classes.count} role="status">
              {countText(found.length, agents)}
            </span>
          </div>
          {found.length === 0 ? (
            <EmptyState title="No agent has all of these words">
              <Button size="xs" variant="default" onClick={() => set('q', undefined)}>
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
          onClose={() => set('templates', undefined)}
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
