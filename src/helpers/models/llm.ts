import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { type Arguments, type HelperHost, helper, namespace } from '../helper.ts'
import { complete, LONGEST_WAIT_MS, rehearsedHost, targetOf, WAIT_MS } from './completion.ts'

const message = z.strictObject({
  // As text in typings: what is put together in variables is of that type.
  role: z.enum(['system', 'developer', 'user', 'assistant']).meta({ type: 'string' }),
  content: z.string(),
})

const params = {
  request: z
    .strictObject({
      endpoint: z.url({ protocol: /^https?$/ }),
      model: z.string().min(1, 'a name'),
      apiKey: z.string().optional(),
      messages: z.array(message).min(1, 'messages').optional(),
      prompt: z.string().optional(),
      maxTokens: z.number().int().min(1).default(1024),
      temperature: z.number().min(0).max(2).optional(),
      timeoutMs: z.number().int().min(1).max(LONGEST_WAIT_MS).default(WAIT_MS),
    })
    .describe('Whom and what is asked: either `messages` or `prompt`, which is one of the role `user`'),
}

export const llm = namespace('llm', 'Answers of language models, whoever runs them.', {
  prompt: helper({
    effect: 'network',
    doc: `What a model answers that speaks the API of OpenAI: those of most providers, and of Ollama, llama.cpp, vLLM and LM Studio on your own machines. \`endpoint\` is the address before \`/chat/completions\`, such as \`http://localhost:11434/v1\`; \`timeoutMs\` is ${WAIT_MS}, and ${LONGEST_WAIT_MS} at most. Throws when there is no answer, and where \`aiAssistantEnabled\` is false.`,
    params,
    returns: z.string(),
    target: ({ request }) => targetOf(request.endpoint),
    example: `try {\n  var answer = llm.prompt({\n    endpoint: 'http://127.0.0.1:9/v1',\n    model: 'llama3.2',\n    messages: [{ role: 'system', content: 'Answer in one sentence.' }, { role: 'user', content: 'Why does a server answer 503?' }],\n    maxTokens: 100,\n    temperature: 0\n  })\n  console.log(answer)\n} catch (error) {\n  console.error(error)\n}`,
    run: ask,
    rehearsed: (args, host) => ask(args, rehearsedHost(host)),
  }),
})

function ask({ request }: Arguments<typeof params>, host: HelperHost): Promise<string> {
  return complete('llm.prompt', host, { ...request, messages: messagesOf(request) })
}

function messagesOf({ messages, prompt }: Arguments<typeof params>['request']) {
  if (messages !== undefined && prompt === undefined) return messages
  if (messages === undefined && prompt !== undefined && prompt !== '')
    return [{ role: 'user' as const, content: prompt }]
  throw new Mistake(
    'E_HELPER_ARGUMENT',
    'llm.prompt({endpoint, model, messages | prompt, …}): expected either messages or prompt',
  )
}
