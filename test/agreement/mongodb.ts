import { type Comparison, type Rows, tally } from './seen.ts'

/** What tshark calls the opcodes that name no command. */
const COMMANDS: Readonly<Record<string, string>> = {
  Query: 'find',
  'Insert document': 'insert',
  'Update document': 'update',
  'Delete document': 'delete',
  'Get More': 'getMore',
  'Kill Cursors': 'killCursors',
}

export const mongodb: Comparison = (seen, truth) => {
  const { messages } = (truth.mongo as { messages?: Rows } | undefined) ?? {}
  if (messages === undefined) return []
  const theirs = messages.rows.map(([, , , opcode, , responseTo, collection, first]) => ({
    isReply: opcode === 'Reply' || responseTo !== 0,
    command: isNamed(opcode, collection) ? String(first) : COMMANDS[String(opcode)],
  }))
  return [
    {
      what: 'command',
      ours: tally(seen.requests('mongodb').map(({ command }) => String(command))),
      theirs: tally(theirs.flatMap(({ isReply, command }) => (isReply ? [] : [String(command)]))),
    },
    {
      what: 'mongodb',
      ours: { replies: seen.responses('mongodb').length },
      theirs: { replies: theirs.filter(({ isReply }) => isReply).length },
    },
  ]
}

/** The name of the command is the key of the first element. */
function isNamed(opcode: unknown, collection: unknown): boolean {
  return opcode === 'Query' ? String(collection).endsWith('.$cmd') : !(String(opcode) in COMMANDS)
}
