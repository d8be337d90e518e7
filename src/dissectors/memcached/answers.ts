import type { Reply, Request } from './messages.ts'

/** Whether a reply can be one to a command. */
export function canAnswer(reply: Reply, request: Request): boolean {
  if (reply.protocol !== request.protocol) return false
  if (reply.protocol === 'binary') return reply.opcode === request.opcode && reply.opaque === request.opaque
  if (!isNameRight(reply, request)) return false
  if (reply.error !== '') return true
  if (!reply.keys.every((key) => request.hasKey(key))) return false
  if (reply.status === 'END' && reply.cas !== '' && !request.command.endsWith('s')) return false
  if (request.noreply && UNSAID.get(request.command)?.has(reply.status) === true) return false
  const commands = COMMANDS.get(/^\d+$/.test(reply.status) ? 'number' : reply.status)
  // What is said to commands that nobody knows, or that administrate, is of many kinds.
  return commands === undefined ? !ANSWERED.has(request.command) : commands.has(request.command)
}

/** Says itself which command it answers. */
export function isNamed({ protocol, opaque, args }: Reply): boolean {
  return protocol === 'binary' || opaque !== '' || args.some((each) => each[0] === 'k')
}

/** Repeats something of the command, so that it is no reply to another one. */
export function isEvident(reply: Reply): boolean {
  return reply.keys.length > 0 || (isNamed(reply) && reply.opaque !== '0')
}

function isNameRight({ opaque, args, status }: Reply, request: Request): boolean {
  if (request.opaque !== opaque && !UNNAMED.has(status)) return false
  const key = args.find((each) => each[0] === 'k')
  return key === undefined || !META.has(status) || key.slice(1) === request.key
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))

const STORE = 'set add replace append prepend cas'
/** By status of a reply, or `number`: the commands it can be one to. */
const COMMANDS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    STORED: words(STORE),
    NOT_STORED: words(STORE),
    EXISTS: words(STORE),
    NOT_FOUND: words(`${STORE} delete incr decr touch`),
    DELETED: words('delete'),
    TOUCHED: words('touch'),
    number: words('incr decr'),
    END: words('get gets gat gats stats config lru_crawler'),
    VERSION: words('version'),
    HD: words('mg ms md ma'),
    VA: words('mg ma'),
    EN: words('mg me lru_crawler mgdump'),
    NS: words('ms ma'),
    EX: words('ms md ma'),
    NF: words('mg ms md ma'),
    MN: words('mn'),
    ME: words('me'),
  }),
)
const ANSWERED = words(`${STORE} get gets gat gats delete touch incr decr mg ms md ma mn me version`)
/** What quiet meta commands are not told: that all went as expected. */
const UNSAID: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({ mg: words('EN'), ms: words('HD'), md: words('HD'), ma: words('HD VA') }),
)
const META = words('HD VA NS EX NF')
/** They repeat nothing, or need not. */
const UNNAMED = words('EN MN ME ERROR CLIENT_ERROR SERVER_ERROR')
