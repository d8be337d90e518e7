/**
 * The shape of data that agents see. One declaration gives the TypeScript type, the field paths of filters, the
 * typings for agent authors, the reference page and the encoding in which entries cross into the sandbox.
 */
export type Shape = Leaf<unknown> | Constant<unknown> | ObjectShape

/** A value that crosses as a whole. */
export interface Leaf<T> {
  readonly kind: 'text' | 'number' | 'flag' | 'map' | 'list' | 'any'
  readonly doc: string
  /** How the typings spell it. */
  readonly type: string
  /** It is of what messages carry, which is kept only where somebody reads it. */
  readonly isBody?: true
  /** What stands for it where nothing is known: of several in one object all are known, or none. Does not cross then. */
  readonly absent?: T
  /** Only for inference. */
  readonly sample?: T
}

/** A value that is the same in every entry of a run, or of a protocol: it never crosses. */
export interface Constant<T> {
  readonly kind: 'constant'
  readonly doc: string
  readonly type: string
  readonly value: T
}

export interface ObjectShape<F extends Fields = Fields, N extends boolean = boolean> {
  readonly kind: 'object'
  readonly doc: string
  readonly fields: F
  /** May be null as a whole. */
  readonly nullable: N
}

export interface Fields {
  readonly [name: string]: Shape
}

/** The TypeScript type of the values that a shape describes. */
export type Value<S> =
  S extends ObjectShape<infer F, infer N>
    ? { readonly [K in keyof F]: Value<F[K]> } | (true extends N ? null : never)
    : S extends Leaf<infer T>
      ? T
      : S extends Constant<infer T>
        ? T
        : never

export const text = (doc: string): Leaf<string> => ({ kind: 'text', doc, type: 'string' })
export const number = (doc: string): Leaf<number> => ({ kind: 'number', doc, type: 'number' })
export const flag = (doc: string): Leaf<boolean> => ({ kind: 'flag', doc, type: 'boolean' })
/** Text by free keys, such as headers. */
export const textMap = (doc: string): Leaf<Readonly<Record<string, string>>> => ({
  kind: 'map',
  doc,
  type: '{ [name: string]: string }',
})
export const list = <T>(doc: string, type: string): Leaf<readonly T[]> => ({ kind: 'list', doc, type })
export const textList = (doc: string): Leaf<readonly string[]> => list<string>(doc, 'string[]')
/** Anything JSON can say, null included; `type` is what the typings call it. */
export const any = <T = unknown>(doc: string, type = 'any'): Leaf<T> => ({ kind: 'any', doc, type })

/** Marks what is only there when bodies are kept. */
export const ofBody = <T>(leaf: Leaf<T>): Leaf<T> => ({ ...leaf, isBody: true })

/** Marks what only some objects have, with what the others show; see `Leaf.absent`. */
export const seldom = <T>(leaf: Leaf<T>, absent: T): Leaf<T> => ({ ...leaf, absent })

export const constant = <T>(value: T, doc: string, type: string): Constant<T> => ({
  kind: 'constant',
  doc,
  type,
  value,
})

export function object<F extends Fields>(doc: string, fields: F): ObjectShape<F, false> {
  return { kind: 'object', doc, fields, nullable: false }
}

export function nullable<F extends Fields>(shape: ObjectShape<F, boolean>): ObjectShape<F, true> {
  return { ...shape, nullable: true }
}
