import { readable, trimmed } from './characters.ts'
import { findField } from './head.ts'
import { decoded, type Pair, readPairs } from './target.ts'

/** A field of a form; of a file its name and type in place of what is in it. */
export interface Param extends Pair {
  readonly fileName?: string
  readonly contentType?: string
}

/** The fields of a form that was sent as `contentType` says; none when that is no form. */
export function readForm(bytes: Uint8Array, contentType: string): Param[] {
  switch (mediaType(contentType)) {
    case 'application/x-www-form-urlencoded':
      return readPairs(bytesAsLatin1(bytes)).map(({ name, value }) => ({
        name: readable(name),
        value: readable(value),
      }))
    case 'multipart/form-data': {
      const boundary = parameterOf(contentType, 'boundary')
      return boundary === '' ? [] : readParts(bytesAsLatin1(bytes), `--${boundary}`)
    }
    default:
      return []
  }
}

/** `text/html` of `Text/HTML; charset=utf-8`. */
export function mediaType(contentType: string): string {
  return trimmed(contentType.split(/[;,]/, 1)[0] ?? '').toLowerCase()
}

/** A parameter of a header's value, without its quotes; "" when it is not there. */
export function parameterOf(value: string, name: string): string {
  const match = new RegExp(`[;\\s]${name}="([^"]*)"|[;\\s]${name}=([^;\\s"]+)`, 'i').exec(value)
  return match?.[1] ?? match?.[2] ?? ''
}

/** RFC 7578 */
function readParts(body: string, delimiter: string): Param[] {
  const params: Param[] = []
  let at = body.indexOf(delimiter)
  while (at >= 0 && params.length < MOST_PARTS) {
    const from = at + delimiter.length
    at = body.indexOf(delimiter, from)
    const param = readPart(body, from, at < 0 ? body.length : at)
    if (param !== undefined) params.push(param)
  }
  return params
}

/** The part in `body[from, end)`, from the end of the line of its delimiter on. */
function readPart(body: string, from: number, end: number): Param | undefined {
  const headAt = body.indexOf('\n', from) + 1
  const blank = /\r?\n\r?\n/.exec(body.slice(from, Math.min(end, from + LONGEST_PART_HEAD)))
  if (headAt === 0 || headAt >= end || blank === null) return undefined
  const valueAt = from + blank.index + blank[0].length
  const disposition = findField(body, headAt, valueAt, 'content-disposition')
  const name = parameterOf(disposition, 'name')
  if (/[;\s]filename\*?=/i.test(disposition)) {
    const fileName = parameterOf(disposition, 'filename') || extended(parameterOf(disposition, 'filename\\*'))
    return { name, value: '', fileName, contentType: findField(body, headAt, valueAt, 'content-type') }
  }
  const value = body.slice(valueAt, end).replace(/\r?\n$/, '')
  return disposition === '' ? undefined : { name, value: readable(value) }
}

/** RFC 8187: `UTF-8''na%C3%AFve` */
function extended(value: string): string {
  return decoded(value.slice(value.lastIndexOf("'") + 1), false)
}

function bytesAsLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** Further ones are not shown. */
const MOST_PARTS = 1000
const LONGEST_PART_HEAD = 16 << 10
