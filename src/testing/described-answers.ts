import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

const operation = z.looseObject({
  responses: z.record(
    z.string(),
    z.object({ content: z.record(z.string(), z.object({ schema: z.unknown() })).optional() }),
  ),
})
const description = z.object({
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
})

/** What the interface says of itself, as it is published. */
export async function apiDescription(): Promise<z.infer<typeof description>> {
  const file = new URL('../../docs/generated/openapi.json', import.meta.url)
  return description.parse(JSON.parse(await readFile(file, 'utf8')))
}

/** Holds an answer to what is said of it. Paths that there are not are answered with a failure, like all that goes wrong. */
export async function assertDescribed(
  method: Method,
  path: string,
  { status, text, body }: { readonly status: number; readonly text: string; readonly body: unknown },
): Promise<void> {
  const { paths, components } = await apiDescription()
  const operation = operationOf(paths, method, path)
  if (operation === undefined) {
    assert.ok(status >= 400 && status < 500, `${method} ${path} is not described, and answers ${status}`)
    assertFits(FAILURE, body, components, `${method} ${path}`)
    return
  }
  const response = operation.responses[String(status)] ?? operation.responses.default
  assert.ok(response, `${method} ${path} may not answer ${status}: ${text.slice(0, 500)}`)
  const json = response.content?.['application/json']?.schema
  if (json === undefined) {
    assert.equal(body, undefined, `${method} ${path}: nothing is said of JSON with ${status}`)
    return
  }
  assertFits(json, body, components, `${method} ${path}, ${status}`)
}

function assertFits(
  schema: unknown,
  body: unknown,
  components: { readonly schemas: Readonly<Record<string, unknown>> },
  what: string,
): void {
  const local = JSON.stringify({ ...z.looseObject({}).parse(schema), $defs: components.schemas })
  const check = z.fromJSONSchema(JSON.parse(local.replaceAll('#/components/schemas/', '#/$defs/')))
  const { error } = check.safeParse(body)
  assert.equal(error, undefined, `${what} is not as described: ${error?.message}`)
}

/** The operation that a request is about; a path that is there as it is goes before one with parameters. */
function operationOf<T>(
  paths: Readonly<Record<string, Readonly<Record<string, T>>>>,
  method: Method,
  path: string,
): T | undefined {
  const plain = path.split('?')[0] ?? ''
  const wanted = [plain, `/api${plain}`]
  const like = Object.entries(paths).filter(([template]) =>
    wanted.some((each) => patternOf(template).test(each)),
  )
  const items = [...wanted.map((each) => paths[each]), ...like.map(([, item]) => item)]
  return items.map((item) => item?.[method.toLowerCase()]).find((operation) => operation !== undefined)
}

/** `/agents/{agent}` as a pattern. */
function patternOf(template: string): RegExp {
  const escaped = template.replace(/[.*+?^$()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replace(/\{[^}]+\}/g, '[^/]+').replace('\\*', '.*')}$`)
}

const FAILURE = { $ref: '#/components/schemas/Failure' }
