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
  const plain = path.split('?')[0] ?? ''
  const item = [plain, `/api${plain}`].map((each) => paths[each] ?? pathLike(paths, each))
  const responses = item.map((each) => each?.[method.toLowerCase()]?.responses).find((each) => each) ?? {}
  const response = responses[String(status)] ?? responses.default
  if (response === undefined && status === 404)
    return assertFits(FAILURE, body, components, `${method} ${path}`)
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

function pathLike<T>(paths: Readonly<Record<string, T>>, path: string): T | undefined {
  return Object.entries(paths).find(([template]) => patternOf(template).test(path))?.[1]
}

/** `/agents/{agent}` as a pattern. */
function patternOf(template: string): RegExp {
  const escaped = template.replace(/[.*+?^$()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replace(/\{[^}]+\}/g, '[^/]+').replace('\\*', '.*')}$`)
}

const FAILURE = { $ref: '#/components/schemas/Failure' }
