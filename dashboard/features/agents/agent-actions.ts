import type { AgentView } from '../../../src/wire/views.ts'
import { confirm } from '../../components/confirm.tsx'
import { notifyDone, notifyFailure } from '../../lib/notify.ts'
import { agentsApi } from './queries.ts'

type Named = Pick<AgentView, 'id' | 'title'>

/** Runs an agent, or runs it no longer; says how that went. */
export async function switchAgent({ id, title }: Named, active: boolean): Promise<void> {
  try {
    await agentsApi.switch(id, active)
    notifyDone(active ? `“${title}” is active` : `“${title}” runs no longer`)
  } catch (error) {
    notifyFailure(`“${title}” cannot be ${active ? 'activated' : 'deactivated'}`, error)
  }
}

/** Asks first. */
export function deleteAgent({ id, title }: Named, onDeleted: () => void = () => {}): void {
  const run = async () => {
    try {
      await agentsApi.delete(id)
      notifyDone(`“${title}” is deleted`)
      onDeleted()
    } catch (error) {
      notifyFailure(`“${title}” cannot be deleted`, error)
    }
  }
  confirm({
    title: `Delete “${title}”?`,
    text: 'It stops on all nodes, and its versions are gone. This cannot be undone.',
    act: 'Delete',
    onConfirm: () => void run(),
  })
}
