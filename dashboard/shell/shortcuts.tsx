import { useEffect } from 'react'
import { useNavigate } from 'react-router'
import { useCommands, useOffer } from '../lib/commands.ts'
import { screens } from '../screens.ts'
import { useAgentCommands } from './agent-commands.ts'
import { Help } from './help.tsx'
import { Palette } from './palette.tsx'
import { pressed } from './pressed.ts'

/** Keys that do something wherever one is, and the palette of all commands. */
export function Shortcuts() {
  const navigate = useNavigate()
  useOffer(
    screens.map(({ path, title, key }) => ({
      id: `go ${path}`,
      label: `Go to ${title.toLowerCase()}`,
      group: 'Screens',
      keys: `g ${key}`,
      run: () => void navigate(path),
    })),
  )
  useAgentCommands()
  useEffect(() => {
    let before: string | undefined
    const take = (event: KeyboardEvent) => {
      const { command, pending } = pressed(event, before, useCommands.getState().all)
      before = pending
      if (command === undefined) return
      event.preventDefault()
      command.run()
    }
    addEventListener('keydown', take)
    return () => removeEventListener('keydown', take)
  }, [])
  return (
    <>
      <Palette />
      <Help />
    </>
  )
}
