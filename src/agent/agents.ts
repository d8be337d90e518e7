import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import type { KnownProtocol } from '../dissectors/known.ts'
import { resolveField } from '../entry/layout.ts'
import { allHelpers, helperArity } from '../helpers/dispatch.ts'
import type { Grants } from '../helpers/grants.ts'
import { namespaces } from '../helpers/index.ts'
import { Mistake } from '../mistake/mistake.ts'
import { NO_FIELDS } from './host/protocol.ts'
import { edited } from './source/edits.ts'
import { AgentSyntaxMistake, parseAgent } from './source/gate.ts'
import { ignoredResults } from './source/ignored-results.ts'
import { topLevelNames, usesUndeclared } from './source/names.ts'
import { type NeededEnv, neededEnv } from './source/needed-env.ts'
import { readSet } from './source/read-set.ts'
import { agentTitle } from './source/title.ts'
import { shareThis } from './this-scope.ts'

export interface AgentOptions {
  readonly language: 'es5' | 'modern'
  /** Protocols whose fields scripts may read. */
  readonly protocols: readonly KnownProtocol[]
}

/** A script that passed the gate, and what reading it has told. */
export interface Agent {
  /** Order of execution, and the number in `[node-index]`. */
  readonly index: number
  /** Identity and version, of one that comes out of a store. */
  readonly id?: string
  readonly version?: number
  readonly path: string
  /** For error positions. */
  readonly file: string
  readonly title: string
  /** As it runs: with types stripped and `this` sent through the shared object. */
  readonly source: string
  readonly insertions: readonly (readonly [number, number, number])[]
  readonly sharesThis: boolean
  /** Variables and functions of its top level. */
  readonly vars: readonly string[]
  /** Fields of entries and packets that it reads; empty without the hook, `NO_FIELDS` when it reads none. */
  readonly wantedItem: readonly string[]
  readonly wantedPacket: readonly string[]
  /** It may do something on the hub that it does not do on a worker. */
  readonly usesHub: boolean
  /** It may ask for the packets of a connection. */
  readonly usesPackets: boolean
  readonly bodies: 'text' | 'bytes'
  /** It may do something outside of its sandbox: the audit says which entry that was about. */
  readonly mayAct: boolean
  /** It may define dissectors. */
  readonly hasDissectors: boolean
  /** What its header holds it to. */
  readonly grants: Grants
  /** Names of `env` that it reads as if they were set. */
  readonly neededEnv: readonly NeededEnv[]
  /** Why it cannot be loaded: what is wrong with its text; undefined when nothing is. */
  readonly problem: string | undefined
}

/** The script files that paths name: files as they are, folders by their `*.js` (and `*.ts`), in order of name. */
export function findAgentFiles(paths: readonly string[], language: 'es5' | 'modern'): string[] {
  const files = paths.flatMap((path) => {
    if (!statAgentPath(path).isDirectory()) return [path]
    return readdirSync(path)
      .filter((name) => isAgentFile(name, language))
      .sort()
      .map((name) => join(path, name))
      .filter((file) => !isFolder(file))
  })
  if (files.length === 0) {
    const below = foldersWithAgents(paths, language)
    throw new Mistake('E_AGENT_NONE', `no agents in ${paths.join(', ')}`, {
      hint:
        below.length > 0
          ? `folders are not searched below, but there are agents in ${below.join(', ')}: name those`
          : 'agents are files that end in .js, or in .ts with scripting.language: modern',
    })
  }
  // However it is written, a file is one agent.
  return [...new Map(files.map((file) => [resolve(file), file])).values()]
}

/** Some of the folders in these folders that hold agents. */
function foldersWithAgents(paths: readonly string[], language: 'es5' | 'modern'): string[] {
  return paths
    .filter(isFolder)
    .flatMap((path) => readdirSync(path).map((name) => join(path, name)))
    .filter((path) => isFolder(path) && readdirSync(path).some((name) => isAgentFile(name, language)))
    .sort()
    .slice(0, MOST_FOLDERS)
}

const MOST_FOLDERS = 5

/** Like `node_modules/some-package.js`. */
function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

export function isAgentFile(name: string, language: 'es5' | 'modern'): boolean {
  if (name.startsWith('.') || name.endsWith('.d.ts')) return false
  return name.endsWith('.js') || (language === 'modern' && name.endsWith('.ts'))
}

/**
 * Reads all agents. A script that is not in the language keeps none of the others from running: it becomes an agent that
 * does not load (agent-api §2.4). Throws its mistake when there is no other.
 */
export function readAgents(paths: readonly string[], options: AgentOptions): Agent[] {
  const mistakes: Mistake[] = []
  const agents = paths.map((path, index) => {
    const text = readScript(path)
    try {
      return understandAgent(text, path, index, options)
    } catch (error) {
      if (!(error instanceof AgentSyntaxMistake)) throw error
      mistakes.push(error)
      return brokenAgent(error, text, path, index)
    }
  })
  const [first] = mistakes
  if (first !== undefined && mistakes.length === agents.length) throw first
  return agents
}

/** What a store says of an agent. */
export interface StoredAgent {
  readonly id: string
  readonly index: number
  readonly title: string
  readonly version: number
  readonly code: string
}

/** An agent out of a store. One whose text is not in the language becomes one that does not load. */
export function storedAgent(stored: StoredAgent, options: AgentOptions): Agent {
  const { id, index, title, version, code } = stored
  const path = `${title.replaceAll(/[/\\]/g, ' ')}.js`
  const named = { id, version, title }
  try {
    return { ...understandAgent(code, path, index, options), ...named }
  } catch (error) {
    if (!(error instanceof AgentSyntaxMistake)) throw error
    return { ...brokenAgent(error, code, path, index), ...named }
  }
}

function brokenAgent({ message, hint }: Mistake, text: string, path: string, index: number): Agent {
  return {
    index,
    path,
    file: basename(path),
    title: agentTitle(text, path),
    source: '',
    insertions: [],
    sharesThis: false,
    vars: [],
    wantedItem: [],
    wantedPacket: [],
    usesHub: false,
    usesPackets: false,
    mayAct: false,
    bodies: 'text',
    hasDissectors: false,
    grants: {},
    neededEnv: [],
    problem: hint === undefined ? message : `${message}\n${hint}`,
  }
}

export function readAgent(path: string, index: number, options: AgentOptions): Agent {
  return understandAgent(readScript(path), path, index, options)
}

export function readScript(path: string): string {
  const text = textOf(path)
  if (text.includes('\0'))
    throw new Mistake('E_AGENT_READ', `${path} is not a script: it has bytes that no text has`, {
      hint: 'scripts are text in UTF-8; a capture goes behind --pcap, one at a time',
    })
  return text
}

function textOf(path: string): string {
  const stats = statAgentPath(path)
  // A device may have no end.
  if (!stats.isFile() && !stats.isFIFO())
    throw new Mistake('E_AGENT_READ', `${path} is not a file`, {
      hint: 'name script files, or folders that hold them',
    })
  if (stats.size > LARGEST_SCRIPT)
    throw new Mistake(
      'E_AGENT_READ',
      `${path} is too large for a script: ${Math.round(stats.size / 1e6)} MB`,
      {
        hint: 'scripts have up to 16 MB; a capture goes behind --pcap, one at a time',
      },
    )
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Mistake('E_AGENT_READ', `${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

/** Throws E_AGENT_SYNTAX for a script that is not in the language. */
export function understandAgent(text: string, path: string, index: number, options: AgentOptions): Agent {
  const program = parseAgent(text, { language: options.language, file: path })
  const { edits, shares } = shareThis(program.ast)
  const { source, insertions } = edited(program.source, [...edits, ...ignoredResults(program, QUEUED)])
  const itemFields = (parents: readonly string[], property: string) =>
    resolveField(options.protocols, parents, property)
  return {
    index,
    path,
    file: basename(path),
    title: agentTitle(text, path),
    source,
    insertions,
    sharesThis: shares || usesUndeclared(program, HELPERS),
    vars: topLevelNames(program),
    wantedItem: wantedFields(
      readSet(program, 'onItemCaptured', itemFields),
      mentions(text, 'onItemCaptured'),
    ),
    wantedPacket: wantedFields(
      readSet(program, 'onPacketCaptured', packetField),
      mentions(text, 'onPacketCaptured'),
    ),
    usesHub: mentions(text, 'onHubAction') || mentions(text, 'nodeName'),
    mayAct: /\b(vendor|file|pcap|hub|otel)\b/.test(text),
    usesPackets:
      /\bpcap\b/.test(text) ||
      /\b(kflPcapS3|pcapSnapshot)\b/.test(text) ||
      /\balert\s*\.\s*raise\b/.test(text) ||
      /\bfile\s*\.\s*(copy|move)\b/.test(text),
    bodies: /\bfromCharCode\b/.test(text) && /\.text\b/.test(text) ? 'bytes' : 'text',
    hasDissectors: mentions(text, 'dissector'),
    grants: program.grants,
    neededEnv: neededEnv(program, ARITY),
    problem: undefined,
  }
}

interface FieldsRead {
  readonly whole: boolean
  readonly paths?: readonly string[]
}

function wantedFields(read: FieldsRead, hasHook: boolean): readonly string[] {
  if (!hasHook) return []
  if (read.whole || read.paths === undefined) return ['*']
  return read.paths.length === 0 ? [NO_FIELDS] : read.paths
}

/** Packet info has no depth: every known name is a leaf. */
function packetField(
  parents: readonly string[],
  property: string,
): { kind: 'leaf' | 'unknown'; name: string } {
  const name = property.charAt(0).toLowerCase() + property.slice(1)
  return parents.length === 0 && PACKET_NAMES.has(name) ? { kind: 'leaf', name } : { kind: 'unknown', name }
}

function mentions(source: string, word: string): boolean {
  return new RegExp(`\\b${word}\\b`).test(source)
}

function statAgentPath(path: string) {
  try {
    return statSync(path)
  } catch (error) {
    throw new Mistake('E_AGENT_READ', `there is no ${path}`, {
      cause: error,
      hint: 'name script files, or folders that hold them',
    })
  }
}

/** Paths of helpers whose calls can wait in the outbox. */
const QUEUED: ReadonlySet<string> = new Set(
  [...allHelpers(namespaces)].flatMap(([path, helper]) =>
    helper.where === 'broker' && helper.queued !== undefined ? [path, `${path}.queue`] : [],
  ),
)
const ARITY = helperArity(namespaces)
/** Names that helpers have in a script. */
const HELPERS: ReadonlySet<string> = new Set(
  [...allHelpers(namespaces)].map(([path]) => path.split('.')[0] as string),
)

const LARGEST_SCRIPT = 16e6
const PACKET_NAMES: ReadonlySet<string> = new Set([
  'timestamp',
  'captureLength',
  'length',
  'truncated',
  'fragmented',
  'interface',
  'ethertype',
  'ipVersion',
  'protocol',
  'srcIp',
  'dstIp',
  'srcPort',
  'dstPort',
  'tcpFlags',
  'payloadLength',
])
