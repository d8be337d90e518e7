import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { ReportFolder } from '../store/report-folder.ts'
import { encodeChunk } from '../wire/chunk.ts'
import { decode, encode } from '../wire/codec.ts'
import { reportsRequest } from '../wire/reports.ts'
import { SUBJECTS } from '../wire/subjects.ts'

/** Answers hubs that ask for the reports of this node. Answers how to stop. */
export function answerReports(
  bus: Bus,
  node: string,
  reports: Pick<ReportFolder, 'list' | 'read' | 'delete'>,
): () => void {
  return bus.respond(SUBJECTS.reports(node), async (payload) => {
    const request = decode(reportsRequest, payload)
    switch (request?.ask) {
      case 'list':
        return encode({ reports: (await reports.list()).slice(0, MOST_LISTED) })
      case 'read': {
        const { report, content } = await reports.read(request.id)
        const to = request.from + Math.min(bus.mostBytes - ROOM, PIECE_BYTES)
        return encodeChunk({ report }, content.subarray(request.from, to))
      }
      case 'delete':
        await reports.delete(request.id)
        return encode({})
      default:
        throw new Mistake('E_REQUEST', 'this is no request for reports')
    }
  })
}

/** What fits into one answer. */
const MOST_LISTED = 1000
const PIECE_BYTES = 512 << 10
/** For the head. */
const ROOM = 64 << 10
