import type { z } from 'zod'
import type { Shape } from '../entry/shape.ts'
import { isOptional } from './arguments.ts'
import { isRest, type Params } from './helper.ts'

/** A schema as TypeScript spells the values that scripts pass for it, or get. */
export function spell(schema: z.ZodType): string {
  const type = schema.meta()?.type
  if (typeof type === 'string') return type
  const def = (schema as unknown as z.core.$ZodTypes)._zod.def
  switch (def.type) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'void':
      return def.type
    case 'unknown':
    case 'lazy':
      return 'any'
    case 'optional':
    case 'default':
      return spell(def.innerType as z.ZodType)
    case 'nullable':
      return `${spell(def.innerType as z.ZodType)} | null`
    case 'pipe':
      return spell(def.in as z.ZodType)
    case 'array':
      return `${grouped(spell(def.element as z.ZodType))}[]`
    case 'record':
      return `{ [name: string]: ${spell(def.valueType as z.ZodType)} }`
    case 'enum':
      return Object.values(def.entries)
        .map((value) => JSON.stringify(value))
        .join(' | ')
    case 'object':
      return `{ ${Object.entries(def.shape)
        .map(([name, each]) => spellField(name, each as z.ZodType))
        .join('; ')} }`
    case 'union':
      return def.options.map((each) => spell(each as z.ZodType)).join(' | ')
    default:
      throw new Error(`no spelling for schemas of type ${def.type}: add one, or use typed()`)
  }
}

function spellField(name: string, schema: z.ZodType): string {
  return `${name}${isOptional(schema) ? '?' : ''}: ${spell(schema)}`
}

function grouped(type: string): string {
  return /[|=]/.test(type) && !type.startsWith('{') ? `(${type})` : type
}

/** `method: string, body?: string, ...rest: any[]` */
export function spellParams(params: Params): string {
  return Object.entries(params)
    .map(([name, schema]) => {
      if (isRest(schema)) return `...${name}: ${spell(schema)}`
      return spellField(name, schema)
    })
    .join(', ')
}

/** A shape as a type: nested objects written out, with their docs. */
export function spellShape(shape: Shape, indent = ''): string {
  if (shape.kind !== 'object') return shape.type
  const inner = `${indent}  `
  const fields = Object.entries(shape.fields).map(
    ([name, field]) => `${inner}/** ${field.doc} */\n${inner}${spellKey(name)}: ${spellShape(field, inner)}`,
  )
  const type = `{\n${fields.join('\n')}\n${indent}}`
  return shape.nullable ? `${type} | null` : type
}

function spellKey(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
}
