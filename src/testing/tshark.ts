import { execFile } from 'node:child_process'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'

/** Fields of each packet that tshark reads from a file; undefined, and the test skipped, where there is no tshark. */
export async function tsharkFields(
  t: TestContext,
  file: string,
  fields: readonly string[],
): Promise<string[][] | undefined> {
  const wanted = fields.flatMap((field) => ['-e', field])
  try {
    const { stdout } = await promisify(execFile)('tshark', ['-r', file, '-n', '-T', 'fields', ...wanted])
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || process.env.CI) throw error
    t.skip('there is no tshark')
    return undefined
  }
}
