import { mkdirSync } from 'node:fs'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Mistake } from '../mistake/mistake.ts'
import { type ReportView, reportId, reportView } from '../wire/reports.ts'

export interface ReportLimits {
  /** The oldest go first. */
  readonly most: number
  readonly mostBytes: number
  readonly mostAgeMs: number
}

export interface ReportFolderOptions extends ReportLimits {
  readonly folder: string
  /** Name of this node, or `hub`. */
  readonly node: string
  readonly now?: () => number
}

/** What there is of a report before it is kept. */
export type NewReport = Pick<ReportView, 'agent' | 'title' | 'name' | 'format'> & { readonly content: string }

/**
 * Reports of agents on the disk of their node: what it says, and beside it what it is. Older versions stay until they are
 * too many, too large or too old.
 */
export class ReportFolder {
  readonly #options: ReportFolderOptions
  /** Oldest first. */
  readonly #reports: ReportView[]
  #changing: Promise<unknown> = Promise.resolve()
  #dropped = 0

  private constructor(options: ReportFolderOptions, reports: ReportView[]) {
    this.#options = options
    this.#reports = reports
  }

  static async open(options: ReportFolderOptions): Promise<ReportFolder> {
    try {
      mkdirSync(options.folder, { recursive: true })
    } catch (cause) {
      throw new Mistake(
        'E_CONFIG_VALUE',
        `the folder of reports ${options.folder} cannot be made: ${(cause as Error).message}`,
        { hint: 'Give yourself the right to write there, or set reports.folder to another folder.', cause },
      )
    }
    const files = await readdir(options.folder)
    // One that was being written when the program ended.
    for (const file of files.filter((each) => each.endsWith(NEW)))
      await rm(join(options.folder, file), { force: true })
    const known = await Promise.all(
      files.filter((file) => file.endsWith(HEAD)).map((file) => readHead(join(options.folder, file))),
    )
    const reports = known.filter((report) => report !== undefined).sort(byAge)
    return new ReportFolder(options, reports)
  }

  /** Reports that went since they were too many or too large. */
  get dropped(): number {
    return this.#dropped
  }

  /** Newest first. */
  async list(): Promise<ReportView[]> {
    await this.#change(() => this.#dropOld())
    return [...this.#reports].reverse()
  }

  write({ content, ...report }: NewReport): Promise<ReportView> {
    return this.#change(async () => {
      const { node, mostBytes, now = Date.now } = this.#options
      const bytes = Buffer.byteLength(content)
      if (bytes > mostBytes)
        throw new Mistake(
          'E_HELPER_REFUSED',
          `report.write: ${bytes} bytes are more than all reports may have (reports.maxSize)`,
        )
      const before = this.#reports.filter((each) => each.agent === report.agent && each.name === report.name)
      const version = Math.max(0, ...before.map((each) => each.version)) + 1
      const at = now()
      const view = { id: this.#newId(at), node, ...report, version, bytes, at }
      // Another program on the same folder may have taken this id.
      await writeFile(this.#path(view.id, BODY), content, { flag: 'wx' })
      // Whole or not at all: what has no head is no report.
      await writeFile(this.#path(view.id, NEW), JSON.stringify(view))
      await rename(this.#path(view.id, NEW), this.#path(view.id, HEAD))
      this.#reports.push(view)
      await this.#dropOld()
      return view
    })
  }

  /** Where the content of a report is. */
  pathOf(id: string): string {
    return this.#path(id, BODY)
  }

  /** Rejects with `E_NOT_FOUND`. */
  async read(id: string): Promise<{ readonly report: ReportView; readonly content: Buffer }> {
    const report = this.#find(id)
    return { report, content: await readFile(this.#path(report.id, BODY)) }
  }

  /** Rejects with `E_NOT_FOUND`. */
  delete(id: string): Promise<void> {
    return this.#change(() => this.#remove(this.#find(id)))
  }

  #find(id: string): ReportView {
    const found = this.#reports.find((report) => report.id === id)
    if (found === undefined)
      throw new Mistake('E_NOT_FOUND', 'there is no such report', {
        hint: 'Old ones make room for new ones: reports.keep, reports.maxSize and reports.ttl say when.',
      })
    return found
  }

  async #dropOld(): Promise<void> {
    const { most, mostBytes, mostAgeMs, now = Date.now } = this.#options
    for (const report of [...this.#reports]) {
      const bytes = this.#reports.reduce((sum, each) => sum + each.bytes, 0)
      const isOld = report.at < now() - mostAgeMs
      if (!isOld && this.#reports.length <= most && bytes <= mostBytes) return
      if (!isOld) this.#dropped++
      await this.#remove(report)
    }
  }

  async #remove(report: ReportView): Promise<void> {
    this.#reports.splice(this.#reports.indexOf(report), 1)
    await rm(this.#path(report.id, HEAD), { force: true })
    await rm(this.#path(report.id, BODY), { force: true })
  }

  #newId(at: number): string {
    const ids = new Set(this.#reports.map(({ id }) => id))
    for (let more = 0; ; more++) {
      const id = `${at.toString(36)}${more === 0 ? '' : `x${more.toString(36)}`}`
      if (!ids.has(id)) return id
    }
  }

  #path(id: string, extension: string): string {
    return join(this.#options.folder, `${id}${extension}`)
  }

  /** One after another, whatever becomes of those before. */
  #change<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(work)
    this.#changing = done.catch(() => {})
    return done
  }
}

async function readHead(path: string): Promise<ReportView | undefined> {
  try {
    const { data } = reportView.safeParse(JSON.parse(await readFile(path, 'utf8')))
    return data !== undefined && reportId.safeParse(data.id).success && path.endsWith(`${data.id}${HEAD}`)
      ? data
      : undefined
  } catch {
    // Not ours, or half of it: it stays where it is.
    return undefined
  }
}

function byAge(one: ReportView, other: ReportView): number {
  return one.at - other.at || (one.id < other.id ? -1 : 1)
}

const HEAD = '.report.json'
const BODY = '.content'
const NEW = '.new'
