import type { AgentRecord } from '../../wire/agents.ts'
import type { Pair } from './link.ts'
import { type Create, type Problem, pathOf, type SeenFile, type Told, type Update } from './model.ts'

export function broken({ path }: SeenFile, mistake: Told): Problem {
  return { ...mistake, key: `syntax ${path} ${mistake.message} ${mistake.hint}`, path, kind: 'syntax' }
}

/** What was synced does not run, and a node has said why. */
export function failureOf({ agent, file }: Pair): Problem[] {
  const { failure, version, index, title } = agent
  if (failure === undefined || failure.version !== version) return []
  const message = `version ${version} of agent ${index} "${title}" did not load on ${failure.node}, the one before runs on: ${failure.reason}`
  return [{ key: `failed ${agent.id} ${version}`, path: file.path, agent: agent.id, kind: 'failed', message }]
}

export function refusedBy(path: string, told: Told): Problem {
  return { ...told, key: `refused ${path} ${told.message}`, path, kind: 'refused' }
}

export function conflict({ agent, file }: Pair): Problem {
  const hash = file.content.kind === 'script' ? file.content.hash : ''
  return {
    key: `conflict ${file.path} ${hash} ${agent.version} ${agent.title}`,
    path: file.path,
    agent: agent.id,
    kind: 'conflict',
    message: `agent ${agent.index} "${agent.title}" was edited on the hub by ${agent.updatedBy} (version ${agent.version}): it was not overwritten`,
    hint: `remora agents show ${agent.index} --code prints what is there; --force overwrites it with the file, --two-way takes edits into the file`,
  }
}

export function orphan(agent: AgentRecord): Problem {
  const path = pathOf(agent)
  return {
    key: `orphan ${path} ${agent.version} ${agent.title}`,
    path,
    agent: agent.id,
    kind: 'conflict',
    message: `the file is gone, but agent ${agent.index} "${agent.title}" was edited on the hub by ${agent.updatedBy}: it was not deleted`,
    hint: `remora agents delete ${agent.index}, or --force, deletes it`,
  }
}

export function elsewhere({ index, title, source }: AgentRecord, path: string): Problem {
  return {
    key: `elsewhere ${path} ${source?.syncedBy}`,
    path,
    kind: 'elsewhere',
    message: `agent ${index} "${title}" is of a file with this path, which ${source?.syncedBy} syncs: it was not synced`,
    hint: `--as ${source?.syncedBy} takes it over, when that was you under another name`,
  }
}

export function clash(title: string, action: Create | Update, owner: string): Problem {
  const { path } = action
  return {
    key: `title ${path} ${title}`,
    path,
    ...(action.kind === 'update' ? { agent: action.agent.id } : {}),
    kind: 'title',
    message: `its title "${title}" is the one of ${owner}, too: it was not synced`,
    hint: 'titles are the first comment of a file: give one of them another',
  }
}
