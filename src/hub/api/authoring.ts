import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { checkAgent, SYNTAX } from '../../agent/source/check.ts'
import { parseAgent } from '../../agent/source/gate.ts'
import { topLevelNames } from '../../agent/source/names.ts'
import { agentTitle } from '../../agent/source/title.ts'
import { HOOKS } from '../../helpers/hooks.ts'
import { apiFailure } from '../../wire/api.ts'
import { agentTemplate, type CodeCheck, codeCheck, scriptingInfo } from '../../wire/authoring.ts'
import { readTemplates, TEMPLATES } from '../templates/gallery.ts'
import type { ApiContext } from './context.ts'
import { refuseLongCode } from './routes.ts'

/** What people need who write agents. */
export function authoringRoutes({ config }: ApiContext): FastifyPluginCallbackZod {
  const { language, env } = config.scripting
  const otherwise = { default: apiFailure }
  const tags = ['agents']
  let templates: ReturnType<typeof readTemplates> | undefined
  return (app, _options, done) => {
    app.post('/agents/check', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'What is wrong with code that is not stored, and what likely is; runs nothing',
        body: z.strictObject({ code: z.string() }),
        response: { 200: codeCheck, ...otherwise },
      },
      handler: async ({ body: { code } }) => {
        refuseLongCode(code)
        return checkCode(code, { language, env: Object.keys(env) })
      },
    })

    app.get('/scripting', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'What agents are written in, and which values they are given',
        response: { 200: scriptingInfo, ...otherwise },
      },
      handler: async () => ({ language, env: Object.keys(env) }),
    })

    app.get('/templates', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Agents to begin with, by category',
        response: { 200: z.array(agentTemplate), ...otherwise },
      },
      handler: () => {
        templates ??= readTemplates(TEMPLATES)
        return templates
      },
    })
    done()
  }
}

function checkCode(
  code: string,
  { language, env }: { language: 'es5' | 'modern'; env: readonly string[] },
): CodeCheck {
  const file = 'agent.js'
  const problems = checkAgent(code, { language, file, env })
  const ok = !problems.some(({ rule }) => rule === SYNTAX)
  const names = ok ? topLevelNames(parseAgent(code, { language, file })) : []
  return {
    ok,
    title: agentTitle(code, 'New Script.js'),
    hooks: HOOKS.filter((hook) => names.includes(hook)),
    problems: problems.map(({ file: _, ...problem }) => problem),
  }
}
