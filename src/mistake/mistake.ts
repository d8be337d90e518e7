/**
 * Something a person got wrong and can put right: a setting, a filter, a script, a missing permission.
 * The CLI prints the message and the way out, without a stack, and exits with code 2.
 */
export class Mistake extends Error {
  override readonly name = 'Mistake'
  readonly code: MistakeCode
  /** How to mend it, as one sentence or command. */
  readonly hint: string | undefined
  /** Where it is in the text that it is about. */
  readonly at: TextRange | undefined

  constructor(
    code: MistakeCode,
    message: string,
    options: { hint?: string; cause?: unknown; at?: TextRange } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.at = options.at
  }
}

/** Some characters of a text; at its end there may be none. */
export interface TextRange {
  readonly offset: number
  readonly length: number
}

/** Every kind of mistake, with what it means. `docs/generated/mistakes.md` is held to this table by a test. */
export const MISTAKES = {
  E_CAPTURE_FORMAT: 'The input is not a capture file that Remora can read.',
  E_CAPTURE_OPEN: 'The capture file cannot be opened.',
  E_CAPTURE_TOOL: 'Live capture needs dumpcap or tcpdump, and neither was found.',
  E_CAPTURE_REFUSED: 'The capture program could not open the interface.',
  E_CAPTURE_FILTER: 'The capture filter is not valid BPF.',
  E_CONFIG_READ: 'A configuration file cannot be read or is not YAML.',
  E_CONFIG_KEY: 'A configuration key is not known.',
  E_CONFIG_VALUE: 'A configuration value does not fit its key.',
  E_PROTO_READ: 'A .proto file or a descriptor set cannot be read.',
  E_FILTER_SYNTAX: 'A filter cannot be parsed.',
  E_AGENT_READ: 'An agent script cannot be read.',
  E_AGENT_SYNTAX: 'An agent script is not valid in the chosen language.',
  E_AGENT_NONE: 'No agent scripts were found.',
  E_FIXTURE: 'A test fixture cannot be found, or is none.',
  E_HELPER_ARGUMENT: 'A helper was called with an argument that it does not take.',
  E_HELPER_REFUSED: 'A helper was refused: a limit, a missing grant or a path outside the data folder.',
  E_HELPER_FAILED: 'A helper tried and the other side failed.',
  E_SANDBOX: 'The sandbox cannot be built as strictly as it was asked for.',
  E_BUS: 'The message system cannot be reached.',
  E_BUS_NO_ANSWER: 'Nobody answered in time.',
  E_CONFLICT: 'Somebody else has changed it meanwhile, or it is there already.',
  E_NOT_FOUND: 'There is no such thing.',
  E_TOO_LARGE: 'It is larger than what is taken.',
  E_KUBERNETES: 'The Kubernetes API cannot be reached, or fails.',
  E_STORE: 'A store cannot be read or written.',
  E_REQUEST: 'A request does not make sense.',
  E_BUSY: 'As much as may be at a time is under way already.',
  E_UNAUTHENTICATED: 'A token is missing, or is none that is known.',
  E_FORBIDDEN: 'The role of a token does not allow this.',
  E_HUB_UNREACHABLE: 'The hub cannot be reached.',
  E_POLICY: 'A policy is refused, or cannot be put in force here.',
  E_USAGE: 'The command line does not make sense.',
} as const

export type MistakeCode = keyof typeof MISTAKES
