import { useNavigate } from 'react-router'
import { api } from '../lib/api.ts'
import { type Command, useOffer } from '../lib/commands.ts'
import { notifyDone, notifyFailure } from '../lib/notify.ts'
import { useMay } from '../lib/session.ts'
import { useAgents } from '../lib/watched.ts'

/** Agents by name in the palette: to open them and their consoles, and to run them or not. */
export function useAgentCommands(): void {
  const navigate = useNavigate()
  const agents = useAgents() ?? []
  const mayOperate = useMay('operator')
  const mayAuthor = useMay('author')
  const go = (path: string) => () => void navigate(path)
  const commands = agents.flatMap(({ id, title, active }): Command[] => {
    const verb = active ? 'Deactivate' : 'Activate'
    return [
      { id: `agent ${id}`, label: `Open ${title}`, group: 'Agents', run: go(`/agents/${id}`) },
      {
        id: `console ${id}`,
        label: `Console of ${title}`,
        group: 'Consoles',
        run: go(`/console?agent=${id}`),
      },
      ...(mayOperate
        ? [
            {
              id: `switch ${id}`,
              label: `${verb} ${title}`,
              group: 'Agents',
              run: () => void change(id, title, verb),
            },
          ]
        : []),
    ]
  })
  const create = { id: 'agent new', label: 'New agent', group: 'Agents', run: go('/agents/new') }
  useOffer(mayAuthor ? [create, ...commands] : commands)
}

async function change(id: string, title: string, verb: 'Activate' | 'Deactivate'): Promise<void> {
  try {
    await api.post(`/agents/${id}/${verb.toLowerCase()}`)
    notifyDone(`${verb}d ${title}`)
  } catch (error) {
    notifyFailure(`${title} was not ${verb.toLowerCase()}d`, error)
  }
}
