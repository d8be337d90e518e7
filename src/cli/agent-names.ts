import { Mistake } from '../mistake/mistake.ts'
import { nearest } from '../mistake/nearest.ts'
import type { AgentView } from '../wire/views.ts'

/**
 * The agent that a person means: by identity, index or title. Throws E_NOT_FOUND for none, and E_CONFLICT with all of them
 * for several.
 */
export function findAgent(agents: readonly AgentView[], name: string): AgentView {
  const titled = name.trim().replace(/\s+/g, ' ')
  const found = agents.filter(
    ({ id, index, title }) => id === name || title === titled || String(index) === name,
  )
  const [agent, ...more] = found
  if (agent === undefined) throw notFound(agents, name)
  if (more.length > 0)
    throw new Mistake('E_CONFLICT', `"${name}" is ${found.length} agents: say which one by its identity`, {
      hint: found.map(({ id, index, title }) => `${id}  ${index}  ${title}`).join('\n'),
    })
  return agent
}

function notFound(agents: readonly AgentView[], name: string): Mistake {
  const close = nearest(
    name,
    agents.map(({ title }) => title),
  )
  return new Mistake('E_NOT_FOUND', `there is no agent "${name}"`, {
    hint: close === undefined ? 'remora agents list shows all' : `did you mean "${close}"?`,
  })
}
