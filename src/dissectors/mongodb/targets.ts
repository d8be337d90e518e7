import type { Target } from './messages.ts'
import type { Facts } from './walker.ts'
import {
  OP_COMMAND,
  OP_DELETE,
  OP_GET_MORE,
  OP_INSERT,
  OP_KILL_CURSORS,
  OP_MSG,
  OP_QUERY,
  OP_UPDATE,
  type Prelude,
} from './wire.ts'

/** What a request does, and to what. */
export function targetOf(opcode: number, prelude: Prelude, facts: Facts): Target {
  const command = textOf(facts.command)
  if (opcode === OP_MSG)
    return { command, database: textOf(facts.database), collection: collectionOf(command, facts) }
  if (opcode === OP_COMMAND) {
    const known = command === prelude.command ? facts : {}
    return {
      command: prelude.command,
      database: prelude.namespace,
      collection: collectionOf(prelude.command, known),
    }
  }
  const [database, name] = split(prelude.namespace)
  if (opcode !== OP_QUERY) return { command: COMMANDS_OF[opcode] ?? '', database, collection: name }
  if (name === '$cmd') return { command, database, collection: collectionOf(command, facts) }
  const special = SPECIAL_COLLECTIONS[name]
  if (special !== undefined) return { command: special, database, collection: '' }
  return { command: 'find', database, collection: name }
}

/** The value of a command's name is a collection's name only where it is known to be that. */
function collectionOf(command: string, facts: Facts): string {
  if (command === 'getMore') return textOf(facts.collection)
  const about = command === 'explain' ? textOf(facts.explained) : command
  return ABOUT_COLLECTIONS.has(about.toLowerCase()) ? textOf(facts.target) : ''
}

/** `a.b.c` is the collection `b.c` in `a`. */
function split(namespace: string): [database: string, collection: string] {
  const dot = namespace.indexOf('.')
  return dot < 0 ? [namespace, ''] : [namespace.slice(0, dot), namespace.slice(dot + 1)]
}

function textOf(fact: Facts['command']): string {
  return typeof fact === 'string' ? fact : ''
}

const COMMANDS_OF: Readonly<Record<number, string>> = {
  [OP_INSERT]: 'insert',
  [OP_UPDATE]: 'update',
  [OP_DELETE]: 'delete',
  [OP_GET_MORE]: 'getMore',
  [OP_KILL_CURSORS]: 'killCursors',
}
/** What once was asked by a query for a collection of this name. */
const SPECIAL_COLLECTIONS: Readonly<Record<string, string>> = {
  '$cmd.sys.inprog': 'currentOp',
  '$cmd.sys.killop': 'killOp',
  '$cmd.sys.unlock': 'fsyncUnlock',
}
/** Commands whose first value names a collection, in lower case: some were written in two ways. */
const ABOUT_COLLECTIONS: ReadonlySet<string> = new Set(
  (
    'aggregate analyze clonecollectionascapped collmod collstats compact converttocapped count create createindexes ' +
    'createsearchindexes delete deleteindexes distinct drop dropindexes dropsearchindex find findandmodify geonear geosearch ' +
    'insert killcursors listindexes listsearchindexes mapreduce parallelcollectionscan plancacheclear ' +
    'plancacheclearfilters plancachelistfilters plancachelistplans plancachelistqueryshapes plancachesetfilter reindex touch ' +
    'update updatesearchindex validate'
  ).split(' '),
)
