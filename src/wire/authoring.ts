import { z } from 'zod'

/** Something in a script that will not work, or likely not as meant. */
export const codeProblem = z.object({
  line: z.number().int().describe('Counts from 1'),
  column: z.number().int().describe('Counts from 1'),
  severity: z.enum(['error', 'warning']),
  rule: z.string().describe('`syntax`: it is not in the language, and would be refused'),
  message: z.string(),
  hint: z.string().optional().describe('The line, and a way out'),
})

/** What the hub thinks of code that is not stored yet. */
export const codeCheck = z.object({
  ok: z.boolean().describe('Whether it would be taken: it is in the language'),
  title: z.string().describe('What an agent with this code is called when nobody says'),
  hooks: z.array(z.string()).describe('Those that it has'),
  problems: z.array(codeProblem).describe('In the order of the code'),
})

/** What scripts are written in and for. */
export const scriptingInfo = z.object({
  language: z.enum(['es5', 'modern']),
  env: z.array(z.string()).describe('Keys of `scripting.env`; their values are not told'),
})

/** An agent to begin with. */
export const agentTemplate = z.object({
  name: z.string().describe('Of its file, without `.js`'),
  title: z.string(),
  description: z.string().describe('Paragraphs are apart by an empty line'),
  category: z.string(),
  env: z
    .array(z.object({ name: z.string(), description: z.string(), optional: z.boolean() }))
    .describe('Keys of `scripting.env` that it reads'),
  rights: z.object({
    hosts: z
      .array(z.string())
      .describe('What it calls: host names, or `env.NAME` for an address that is there'),
    files: z.array(z.string()).describe('What it writes in the data folder of its node'),
  }),
  hooks: z.array(z.string()),
  sample: z.string().describe('What it prints, by example; "" when it prints nothing'),
  code: z.string(),
})

export type CodeCheck = z.infer<typeof codeCheck>
export type AgentTemplate = z.infer<typeof agentTemplate>
export type CodeProblem = z.infer<typeof codeProblem>
export type ScriptingInfo = z.infer<typeof scriptingInfo>
