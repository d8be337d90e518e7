import type { TestContext } from 'node:test'

/** Sets variables of the environment for one test; undefined: they are not set. Not for tests that run side by side. */
export function withEnvironment(
  t: Pick<TestContext, 'after'>,
  variables: Readonly<Record<string, string | undefined>>,
): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name]
    set(name, value)
    t.after(() => set(name, before))
  }
}

function set(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}
