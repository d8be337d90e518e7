import { Mistake } from '../../mistake/mistake.ts'
import { FakeHub } from '../../testing/fake-hub.ts'
import type { AgentChange, AgentDraft, AgentRecord } from '../../wire/agents.ts'
import type { AgentView } from '../../wire/views.ts'
import type { SyncHub } from './sync.ts'

/**
 * The hub in memory as a client sees it, with what stores do besides: a title is of one agent only, and a draft of a file
 * that has an agent changes that one.
 */
export class TestHub {
  readonly hub = new FakeHub()
  /** Called before each change, as somebody who is faster. */
  meanwhile: () => Promise<void> = async () => {}

  get client(): SyncHub {
    return {
      agents: () => this.hub.agents(),
      activeTitles: () => this.hub.activeTitles(),
      createAgent: (draft) => this.#create(draft),
      updateAgent: (name, change) => this.update(name, change),
      deleteAgent: (name, ifVersion) => this.#delete(name, ifVersion),
    }
  }

  async update(name: string, change: AgentChange, by = 'sync'): Promise<AgentView> {
    if (by === 'sync') await this.meanwhile()
    const { id } = await this.hub.agent(name)
    if (change.title !== undefined) await this.#refuseTitle(change.title, id)
    return this.hub.updateAgent(name, change, by)
  }

  /** What the dashboard does. */
  edit(name: string, change: AgentChange): Promise<AgentView> {
    return this.update(name, change, 'ann')
  }

  /** `title → code` of all agents, in order of index. */
  async contents(): Promise<Record<string, string>> {
    return Object.fromEntries((await this.hub.agents()).map(({ title, code }) => [title, code]))
  }

  async records(): Promise<AgentRecord[]> {
    return (await this.hub.agents()).map(({ nodes: _, ...record }) => record)
  }

  async #create(draft: AgentDraft): Promise<AgentView> {
    await this.meanwhile()
    const ofSameFile = (await this.hub.agents()).find(({ source }) => source?.path === draft.source?.path)
    if (ofSameFile?.source !== undefined) return this.update(ofSameFile.id, draft, 'sync')
    if (draft.title !== undefined) await this.#refuseTitle(draft.title, '')
    return this.hub.createAgent(draft, 'sync')
  }

  async #delete(name: string, ifVersion?: number): Promise<void> {
    await this.meanwhile()
    await this.hub.deleteAgent(name, 'sync', ifVersion)
  }

  async #refuseTitle(title: string, id: string): Promise<void> {
    const owner = (await this.hub.agents()).find((each) => each.title === title && each.id !== id)
    if (owner !== undefined && title !== 'New Script')
      throw new Mistake('E_CONFLICT', `agent ${owner.index} is called "${title}" already`)
  }
}
