import { spawn } from 'node:child_process'

/** What tells whether somebody sits here, before a screen. */
export interface Surroundings {
  readonly platform: NodeJS.Platform
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether what we print goes to a terminal. */
  readonly isTerminal: boolean
}

/** Shows a page in the browser of who sits here. Where that cannot be done, nothing happens: they know the address. */
export function openInBrowser(url: string, surroundings: Surroundings = own()): void {
  const command = browserCommand(url, surroundings)
  if (command === undefined) return
  const [program, ...args] = command
  const child = spawn(program, args, { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
}

/** The program that opens an address, with its arguments; undefined where nobody would see it. */
export function browserCommand(
  url: string,
  { platform, env, isTerminal }: Surroundings,
): readonly [string, ...string[]] | undefined {
  if (!isTerminal || (env.CI ?? '') !== '' || (env.SSH_CONNECTION ?? '') !== '') return undefined
  if (platform === 'darwin') return ['open', url]
  if (platform === 'win32') return ['cmd', '/c', 'start', '', url]
  const hasScreen = (env.DISPLAY ?? '') !== '' || (env.WAYLAND_DISPLAY ?? '') !== ''
  return hasScreen ? ['xdg-open', url] : undefined
}

function own(): Surroundings {
  return { platform: process.platform, env: process.env, isTerminal: process.stderr.isTTY }
}
