import { z } from 'zod'
import { fieldsOf, leafPaths } from './index.ts'
import { configSchema } from './schema.ts'

/** The reference page of all settings, as markdown. */
export function configurationPage(): string {
  const rows = leafPaths(configSchema).map((path) => {
    const { doc, value } = settingAt(path)
    return `| \`${path.join('.')}\` | \`${JSON.stringify(value)}\` | ${doc} |`
  })
  return `# Configuration

Later sources win: defaults, \`~/.remora/config.yaml\`, \`./remora.yaml\` (or one file with \`--config-path\`), environment
variables (\`REMORA_\` and the key in capitals with \`_\` for dots; lists as in YAML), \`--set key=value\`. \`remora config\`
prints what is in force, and where each value came from.

| key | default | what it does |
| --- | --- | --- |
${rows.join('\n')}
`
}

function settingAt(path: readonly string[]): { doc: string; value: unknown } {
  let schema: z.ZodType = configSchema
  for (const step of path) schema = fieldsOf(schema)?.[step] as z.ZodType
  return {
    doc: schema.description ?? '',
    value: schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined,
  }
}
