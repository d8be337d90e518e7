import type { Protocol } from './protocol.ts'
import type { Shape } from './shape.ts'

/** A shape for people and for tools: what a value is, and what is in it. Plain data. */
export interface FieldDescription {
  /** As the typings spell it. */
  readonly type: string
  readonly doc: string
  /** May be null as a whole. */
  readonly nullable?: true
  readonly fields?: Readonly<Record<string, FieldDescription>>
}

/** What entries of a dissector are called and have. */
export interface DescribedProtocol {
  /** Name of the dissector. */
  readonly name: string
  readonly protocols: readonly Protocol[]
  readonly request: FieldDescription
  readonly response: FieldDescription
  readonly data?: FieldDescription
}

export function describeShape(shape: Shape): FieldDescription {
  const { doc } = shape
  if (shape.kind !== 'object') return { type: shape.type, doc }
  const fields = Object.entries(shape.fields).map(([name, field]) => [name, describeShape(field)] as const)
  return {
    type: 'object',
    doc,
    ...(shape.nullable ? { nullable: true } : {}),
    fields: Object.fromEntries(fields),
  }
}
