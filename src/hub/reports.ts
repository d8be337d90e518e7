import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { ReportFolder } from '../store/report-folder.ts'
import { decodeChunk } from '../wire/chunk.ts'
import { decode, encode } from '../wire/codec.ts'
import { type ReportView, reportPiece, reportsList } from '../wire/reports.ts'
import { SUBJECTS } from '../wire/subjects.ts'

export interface ReportControl {
  /** Of all nodes, newest first; `missing` did not answer. */
  list(
    signal: AbortSignal,
  ): Promise<{ readonly reports: readonly ReportView[]; readonly missing: readonly string[] }>
  /** Rejects with `E_NOT_FOUND`. */
  read(node: string, id: string, signal: AbortSignal): Promise<{ report: ReportView; content: Buffer }>
  delete(node: string, id: string, signal: AbortSignal): Promise<void>
}

export interface ReportsOptions {
  readonly bus: Pick<Bus, 'request'>
  readonly workers: () => readonly string[]
  /** Those of agents that run on this hub. */
  readonly own: Pick<ReportFolder, 'list' | 'read' | 'delete'>
}

/** The reports of all nodes. */
export class Reports implements ReportControl {
  readonly #options: ReportsOptions

  constructor(options: ReportsOptions) {
    this.#options = options
  }

  async list(signal: AbortSignal) {
    const { own, workers } = this.#options
    const missing: string[] = []
    const lists = await Promise.all(
      workers().map(async (node) => {
        try {
          const answer = decode(reportsList, await this.#ask(node, { ask: 'list' }, signal))
          if (answer !== undefined) return answer.reports.map((report) => ({ ...report, node }))
        } catch (error) {
          if (!(error instanceof Mistake)) throw error
        }
        missing.push(node)
        return []
      }),
    )
    const reports = [...(await own.list()), ...lists.flat()].sort((one, other) => other.at - one.at)
    return { reports, missing }
  }

  async read(
    node: string,
    id: string,
    signal: AbortSignal,
  ): Promise<{ report: ReportView; content: Buffer }> {
    if (node === HUB) return await this.#options.own.read(id)
    const pieces: Uint8Array[] = []
    let from = 0
    for (;;) {
      const answer = decodeChunk(reportPiece, await this.#ask(node, { ask: 'read', id, from }, signal))
      const isPiece = answer !== undefined && (answer.bytes.length > 0 || from === answer.head.report.bytes)
      if (!isPiece || answer.head.report.bytes > MOST_BYTES)
        throw new Mistake('E_BUS_NO_ANSWER', `${node} answered with what is no report`)
      pieces.push(answer.bytes)
      from += answer.bytes.length
      if (from >= answer.head.report.bytes)
        return { report: { ...answer.head.report, node }, content: Buffer.concat(pieces) }
    }
  }

  async delete(node: string, id: string, signal: AbortSignal): Promise<void> {
    if (node === HUB) await this.#options.own.delete(id)
    else await this.#ask(node, { ask: 'delete', id }, signal)
  }

  async #ask(node: string, question: object, signal: AbortSignal): Promise<Uint8Array> {
    if (!this.#options.workers().includes(node))
      throw new Mistake('E_NOT_FOUND', 'there is no such node, or nothing was heard of it lately')
    const options = { timeoutMs: ANSWER_MS, signal }
    return await this.#options.bus.request(SUBJECTS.reports(node), encode(question), options)
  }
}

const HUB = 'hub'
const ANSWER_MS = 5000
const MOST_BYTES = 16 << 20
