import type { AgentRecord } from '../../wire/agents.ts'
import { type Action, type Create, type Problem, SHARED_TITLE, type Update } from './model.ts'
import { clash } from './problems.ts'

/** An agent is to have a title, which another one may have. */
export interface Claim {
  readonly kind: 'claim'
  readonly title: string
  readonly action: Create | Update
}

export interface Settled {
  readonly granted: readonly Claim[]
  readonly clashes: readonly Problem[]
}

/** Titles are of one agent each, but for the shared one. Who loses keeps the title it has, which may cost another one its claim: until all is said. */
export function settleTitles(
  claims: readonly Claim[],
  agents: readonly AgentRecord[],
  deleted: ReadonlySet<string>,
): Settled {
  const clashes: Problem[] = []
  let granted = claims
  for (;;) {
    const moving = new Set(granted.filter((claim) => !keepsTitle(claim)).map(idOf))
    const owners = new Map<string, string>()
    for (const agent of agents)
      if (!moving.has(agent.id) && !deleted.has(agent.id) && !owners.has(agent.title))
        owners.set(agent.title, who(agent))
    const refused = granted.filter((claim) => {
      const { title, action } = claim
      if (title === SHARED_TITLE || keepsTitle(claim)) return false
      const owner = owners.get(title)
      owners.set(title, owner ?? `the file ${action.path}`)
      if (owner !== undefined) clashes.push(clash(claim.title, action, owner))
      return owner !== undefined
    })
    if (refused.length === 0) return { granted, clashes }
    granted = granted.filter((claim) => !refused.includes(claim))
  }
}

function keepsTitle({ title, action }: Claim): boolean {
  return action.kind === 'update' && action.agent.title === title
}

/** Who takes over a title comes after who had it; where all wait for each other, one steps aside first. */
export function inOrder(
  granted: readonly Claim[],
  agents: readonly AgentRecord[],
  deleted: ReadonlySet<string>,
): Action[] {
  const holders = new Map(agents.filter(({ id }) => !deleted.has(id)).map((agent) => [agent.title, agent.id]))
  const actions: Action[] = []
  const aside = new Set<string>()
  let waiting = granted
  while (waiting.length > 0) {
    const next = waiting.find(isFree)
    const blocked = waiting.find(({ action }) => action.kind === 'update' && !aside.has(action.agent.id))
    if (next !== undefined) go(next)
    else if (blocked?.action.kind === 'update') stepAside(blocked.action)
    else break
    waiting = waiting.filter((claim) => claim !== next)
  }
  return actions

  function isFree(claim: Claim): boolean {
    const holder = holders.get(claim.title)
    return holder === undefined || holder === idOf(claim) || claim.title === SHARED_TITLE
  }

  function go({ action, title }: Claim): void {
    if (action.kind === 'update') leave(action.agent)
    holders.set(title, action.kind === 'update' ? action.agent.id : action.path)
    actions.push(action)
  }

  function stepAside(action: Update): void {
    const { agent } = action
    aside.add(agent.id)
    leave(agent)
    const title = `${agent.title} (${agent.id.slice(0, 8)})`
    actions.push({ ...action, change: { title, ifVersion: agent.version }, why: ['retitled'] })
  }

  function leave({ title, id }: AgentRecord): void {
    if (holders.get(title) === id) holders.delete(title)
  }
}

function idOf({ action }: Claim): string {
  return action.kind === 'update' ? action.agent.id : action.path
}

function who({ title, index, source }: AgentRecord): string {
  const from = source === undefined ? 'not of a file' : `${source.path} of ${source.syncedBy}`
  return `agent ${index} "${title}" (${from})`
}
