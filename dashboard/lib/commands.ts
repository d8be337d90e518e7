import { useEffect, useRef } from 'react'
import { create } from 'zustand'

/** Something that a person can do: in the command palette, and by its keys where it has some. */
export interface Command {
  readonly id: string
  /** What it does, as an order: `Pause the traffic`. */
  readonly label: string
  readonly group: string
  /** As `mod+K`, `?`, or one after the other, as `g t`. */
  readonly keys?: string
  readonly run: () => void
}

interface Commands {
  readonly all: ReadonlyMap<string, Command>
}

export const useCommands = create<Commands>(() => ({ all: new Map() }))

/** Offers these while the component is shown. They are known by `id`; what they do may change as it likes. */
export function useOffer(commands: readonly Command[]): void {
  const latest = useRef(commands)
  latest.current = commands
  const shown = JSON.stringify(commands.map(({ id, label, group, keys }) => ({ id, label, group, keys })))
  useEffect(() => {
    const offered = (JSON.parse(shown) as Omit<Command, 'run'>[]).map((command) => ({
      ...command,
      run: () => latest.current.find(({ id }) => id === command.id)?.run(),
    }))
    useCommands.setState(({ all }) => ({
      all: new Map([...all, ...offered.map((command) => [command.id, command] as const)]),
    }))
    return () =>
      useCommands.setState(({ all }) => ({
        all: new Map([...all].filter(([id]) => !offered.some((command) => command.id === id))),
      }))
  }, [shown])
}
