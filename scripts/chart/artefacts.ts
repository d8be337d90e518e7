import { stringify } from 'yaml'
import { z } from 'zod'
import { chartValues } from './values.ts'

/** values.yaml: every value with its default, and above it what it does. */
export function valuesFile(): string {
  return `# Values of the chart. Written by \`npm run gen\` from scripts/chart/values.ts, and values.schema.json with it.\n${section(chartValues, '')}`
}

function section(schema: z.ZodObject, indent: string): string {
  return Object.entries(schema.shape)
    .map(([key, field]) => entry(key, field as z.ZodType, indent))
    .join('')
}

function entry(key: string, field: z.ZodType, indent: string): string {
  const doc = `${indent === '' ? '\n' : ''}${comment(field.description ?? '', indent)}`
  const inner = field instanceof z.ZodPrefault ? field.unwrap() : field
  // Every setting has its own page.
  if (inner instanceof z.ZodObject && key !== 'config')
    return `${doc}${indent}${key}:\n${section(inner, `${indent}  `)}`
  const initial = key === 'config' ? {} : (field as z.ZodDefault).def.defaultValue
  const lines = stringify({ [key]: initial }, { lineWidth: 0, aliasDuplicateObjects: false })
    .trimEnd()
    .split('\n')
  return `${doc}${lines.map((line) => `${indent}${line}\n`).join('')}`
}

/** Wrapped, as people wrap comments. */
function comment(doc: string, indent: string): string {
  const lines: string[] = []
  for (const word of doc.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || `${indent}# ${last} ${word}`.length > LINE) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.map((line) => `${indent}# ${line}\n`).join('')
}

/** values.schema.json, by which Helm refuses what the chart and Remora would not understand. */
export function valuesSchema(): string {
  const schema = z.toJSONSchema(chartValues, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
    override: ({ zodSchema, jsonSchema }) => {
      const quantity = quantityIn(zodSchema)
      if (quantity !== undefined) Object.assign(jsonSchema, { type: ['string', 'number'], pattern: quantity })
    },
  })
  return `${JSON.stringify({ ...schema, title: 'Values of the chart remora' }, null, 2)}\n`
}

/** Sizes and durations: text that YAML takes for a number when it has no unit. */
function quantityIn(schema: unknown): string | undefined {
  if (!(schema instanceof z.ZodPipe)) return undefined
  const { out } = schema.def
  if (!(out instanceof z.ZodString)) return undefined
  const pattern = out.def.checks
    ?.map((check) => (check._zod.def as { pattern?: RegExp }).pattern)
    .find(Boolean)
  return pattern && (pattern.ignoreCase ? inAnyCase(pattern.source) : pattern.source)
}

/** The patterns of JSON Schema have no flags. */
function inAnyCase(pattern: string): string {
  let isClass = false
  return pattern.replace(/\\.|[[\]a-z]/gi, (part) => {
    if (part.length > 1) return part
    if (part === '[' || part === ']') {
      isClass = part === '['
      return part
    }
    const both = `${part.toUpperCase()}${part.toLowerCase()}`
    return isClass ? both : `[${both}]`
  })
}

const LINE = 110
