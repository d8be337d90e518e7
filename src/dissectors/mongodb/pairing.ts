import type { Found } from '../../dissect/dissector.ts'
import { isCommandNamespace } from './content.ts'
import { MongoReply, MongoRequest, type Told } from './messages.ts'
import type { Session } from './session.ts'
import { targetOf } from './targets.ts'
import {
  EXHAUST_ALLOWED,
  MORE_TO_COME,
  OP_COMMAND,
  OP_GET_MORE,
  OP_MSG,
  OP_QUERY,
  OP_REPLY,
  type Prelude,
  QUERY_EXHAUST,
} from './wire.ts'

/** A request that was read: what it is about, whether it has a reply, and what that will be. */
export function foundRequest(
  session: Session,
  told: Told,
  prelude: Prelude | undefined,
): Found<MongoRequest> {
  const { opcode, flags, requestId, facts } = told
  const target = prelude === undefined ? NO_TARGET : targetOf(opcode, prelude, facts)
  const message = new MongoRequest(told, target)
  const isQuery =
    opcode === OP_GET_MORE || (opcode === OP_QUERY && !isCommandNamespace(prelude?.namespace ?? ''))
  if (opcode === OP_QUERY || opcode === OP_GET_MORE) session.queried(requestId, isQuery)
  if ((flags & (EXHAUST_FLAGS[opcode] ?? 0)) !== 0) session.allow(requestId, { ...target, isQuery })
  return { message, id: hasReply(opcode, flags) ? requestId : 'no-reply' }
}

/** A reply that was read. Those after the first that answers a request come by themselves (exhaust). */
export function foundReply(session: Session, told: Told): Found<MongoReply> {
  const { opcode, requestId, responseTo, flags, cursorId, facts } = told
  let isOfCommand = true
  let more = opcode === OP_MSG && (flags & MORE_TO_COME) !== 0
  if (opcode === OP_REPLY) {
    more = cursorId !== '0' && session.allows(responseTo)
    const hasDocuments = session.hasDocuments(responseTo)
    // Where the request was not seen: replies of commands have no cursor, and say whether they are `ok`.
    isOfCommand = hasDocuments === undefined ? cursorId === '0' && facts.ok !== undefined : !hasDocuments
  }
  const asked = session.replied(requestId, responseTo, more)
  const message = new MongoReply(told, asked, isOfCommand)
  return { message, id: asked === undefined ? responseTo : 'push' }
}

function hasReply(opcode: number, flags: number): boolean {
  if (opcode === OP_MSG) return (flags & MORE_TO_COME) === 0
  return opcode === OP_QUERY || opcode === OP_GET_MORE || opcode === OP_COMMAND
}

const NO_TARGET = { command: '', database: '', collection: '' }
const EXHAUST_FLAGS: Readonly<Record<number, number>> = {
  [OP_MSG]: EXHAUST_ALLOWED,
  [OP_QUERY]: QUERY_EXHAUST,
}
