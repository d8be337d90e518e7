import type { Portal, Statement } from './statement.ts'
import { typeName } from './types.ts'

/** Who talks to which database: of the startup packet, for all that follows. */
export interface Login {
  readonly user: string
  readonly database: string
}

/** What only some messages have. */
export interface Details {
  readonly maxRows?: number
  readonly options?: Readonly<Record<string, string>>
  readonly protocolVersion?: string
  readonly mechanism?: string
  readonly processId?: number
  readonly functionId?: number
  readonly reason?: string
  readonly parameters?: readonly (string | null)[]
}

/** What a message is about. */
export interface About {
  readonly statement?: Statement | undefined
  readonly portal?: Portal | undefined
  readonly details?: Details | undefined
  /** What a Parse has put another in the place of. */
  readonly replaced?: Statement | undefined
}

/** A message of the client, with the statement and the portal that it is about. */
export class Request {
  readonly command: string
  readonly #login: Login
  readonly about: About

  constructor(command: string, login: Login, about: About) {
    this.command = command
    this.#login = login
    this.about = about
  }

  get query(): string {
    return this.about.statement?.query ?? ''
  }
  get database(): string {
    return this.#login.database
  }
  get user(): string {
    return this.#login.user
  }
  get statement(): string {
    return this.about.statement?.name ?? ''
  }
  get portal(): string {
    return this.about.portal?.name ?? ''
  }
  get parameters(): readonly (string | null)[] {
    return this.about.portal?.parameters ?? this.about.details?.parameters ?? NO_VALUES
  }
  get parameterTypes(): string[] {
    const types = this.about.statement?.parameterTypes ?? []
    return types.some((type) => type !== 0) ? types.map((type) => (type === 0 ? '' : typeName(type))) : []
  }
  get maxRows(): number {
    return this.about.details?.maxRows ?? 0
  }
  get options(): Readonly<Record<string, string>> {
    return this.about.details?.options ?? {}
  }
  get protocolVersion(): string {
    return this.about.details?.protocolVersion ?? ''
  }
  get mechanism(): string {
    return this.about.details?.mechanism ?? ''
  }
  get processId(): number {
    return this.about.details?.processId ?? 0
  }
  get functionId(): number {
    return this.about.details?.functionId ?? 0
  }
  get reason(): string {
    return this.about.details?.reason ?? ''
  }
}

const NO_VALUES: readonly (string | null)[] = []
