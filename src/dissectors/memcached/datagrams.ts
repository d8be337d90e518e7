import { u16 } from '../../bytes/read.ts'
import { type DissectContext, JOINED, type Parser, type Side } from '../../dissect/dissector.ts'
import { CommandParser } from './client.ts'
import type { Reply, Request } from './messages.ts'
import { beginsReply, probeCommand } from './probe.ts'
import { ReplyParser } from './server.ts'
import { Session } from './session.ts'

/** In front of each datagram: number of the request, of the datagram and of datagrams in all, two bytes of 0. */
const FRAME_HEADER = 8

/** A datagram with a command, or the first with a reply. */
export function probeDatagram(bytes: Uint8Array, start: number, end: number, from: Side): 'match' | 'reject' {
  const content = start + FRAME_HEADER
  if (content >= end || u16(bytes, start + 2) !== 0 || u16(bytes, start + 6) !== 0) return 'reject'
  const count = u16(bytes, start + 4)
  if (from === 'server') return count > 0 && beginsReply(bytes, content, end) ? 'match' : 'reject'
  return count === 1 && probeCommand(bytes, content, end) !== 'reject' ? 'match' : 'reject'
}

/** Reads commands. */
export function commandDatagrams(context: DissectContext): Parser<Request> {
  return {
    next(bytes, start, end) {
      const session = new Session(JOINED)
      new CommandParser(session, context).next(bytes, Math.min(start + FRAME_HEADER, end), end)
      const { request } = session.abandon() ?? {}
      if (!request) return { kind: 'invalid', reason: 'no command' }
      const message = request.message as Request
      // A quiet one may have a reply; it would come at once.
      const id = message.noreply ? undefined : u16(bytes, start)
      return { kind: 'message', length: end - start, message, ...(id === undefined ? {} : { id }) }
    },
  }
}

/** Reads replies as far as they are in their first datagram: the others, in any order, are not put together. */
export function replyDatagrams(context: DissectContext): Parser<Reply> {
  return {
    next(bytes, start, end) {
      if (end - start < FRAME_HEADER) return { kind: 'invalid', reason: 'no frame' }
      if (u16(bytes, start + 2) !== 0) return { kind: 'partial', length: end - start }
      if (!beginsReply(bytes, start + FRAME_HEADER, end)) return { kind: 'invalid', reason: 'no reply' }
      const session = new Session(JOINED)
      const parser = new ReplyParser(session, context)
      const step = parser.next(bytes, start + FRAME_HEADER, end)
      const complete = step.kind === 'exchange' ? step : parser.end(false)
      if (!complete?.response) return { kind: 'invalid', reason: 'no reply' }
      const message = complete.response.message as Reply
      return { kind: 'message', length: end - start, message, id: u16(bytes, start) }
    },
  }
}
