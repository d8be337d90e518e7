import type { FastifyInstance } from 'fastify'
import { z } from 'zod'

/** The interface as it describes itself, OpenAPI 3.1. */
export function descriptionOf(app: FastifyInstance): Record<string, unknown> {
  const text = JSON.stringify(app.swagger())
  const whole = description.parse(JSON.parse(text))
  const { components } = whole
  // Each schema with a name is there twice, as what comes in and as what goes out, whether it does or not.
  const used = Object.entries(components.schemas).filter(([name]) =>
    text.includes(`#/components/schemas/${name}"`),
  )
  return { ...whole, components: { ...components, schemas: Object.fromEntries(used) } }
}

const description = z.looseObject({
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
})
