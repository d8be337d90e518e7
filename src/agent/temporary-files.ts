import { look, removeTree } from '../helpers/data-folder.ts'
import type { DataFolder } from '../helpers/helper.ts'

/** Files and folders that scripts made to use for a while (`file.temp`, `file.mkdirTemp`), by who has made them. */
export class TemporaryFiles {
  readonly #made = new Map<string, Made>()

  /** One was made. Those that are gone again are forgotten from time to time. */
  async add(owner: string, path: string): Promise<void> {
    const made = this.#made.get(owner) ?? { paths: new Set(), lookAt: LEAST_LOOKED }
    this.#made.set(owner, made)
    made.paths.add(path)
    if (made.paths.size < made.lookAt) return
    // At twice as many as are left, so that each file is looked at about once. How many there can be is for the quota.
    made.lookAt = Number.POSITIVE_INFINITY
    for (const each of made.paths) if ((await look(each)) === undefined) made.paths.delete(each)
    made.lookAt = Math.max(LEAST_LOOKED, 2 * made.paths.size)
  }

  /** Who has made some. */
  owners(): readonly string[] {
    return [...this.#made.keys()]
  }

  /** Files and folders, also some that are gone. */
  get known(): number {
    return [...this.#made.values()].reduce((sum, { paths }) => sum + paths.size, 0)
  }

  /**
   * Removes what was made by now and is still there, folders with all that is in them. Answers what could not be removed, and
   * why.
   */
  async remove(
    owner: string,
    folder: Promise<DataFolder>,
  ): Promise<readonly { readonly path: string; readonly error: unknown }[]> {
    const { paths = new Set<string>() } = this.#made.get(owner) ?? {}
    this.#made.delete(owner)
    const files = await folder
    const failed: { path: string; error: unknown }[] = []
    for (const path of paths)
      try {
        await removeTree(files, files.resolve(path))
      } catch (error) {
        failed.push({ path, error })
      }
    return failed
  }
}

interface Made {
  readonly paths: Set<string>
  /** At so many. */
  lookAt: number
}

const LEAST_LOOKED = 1000
