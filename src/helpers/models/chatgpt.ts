import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { type HelperHost, helper, namespace } from '../helper.ts'
import { complete, rehearsedHost, targetOf } from './completion.ts'
import { LONGEST_TEXT, sentimentOf } from './sentiment.ts'

const score = z.number()

export const chatgpt = namespace(
  'chatgpt',
  'Answers of a language model of OpenAI, and the mood of a text. `llm.prompt` asks any other model.',
  {
    prompt: helper({
      effect: 'network',
      doc: 'What a model of OpenAI answers (https://platform.openai.com/docs/api-reference/chat). `OPENAI_MODEL` and `OPENAI_BASE_URL` in `env` choose another model and address than gpt-4o-mini at https://api.openai.com/v1. Throws when there is no answer within 45 s, or where `aiAssistantEnabled` is false.',
      params: {
        apiKey: z.string().min(1, 'a key').describe('Key of the API'),
        prompt: z.string().min(1, 'text').describe('What is asked'),
        maxTokens: z.number().int().min(1).default(1024).describe('Length of the answer at most'),
      },
      returns: z.string(),
      target: (_, host) => targetOf(openAiUrl(host.env)),
      example: `if (env.OPENAI_API_KEY) console.log(chatgpt.prompt(env.OPENAI_API_KEY, 'What does HTTP status 418 mean?', 200))`,
      run: ask,
      rehearsed: (args, host) => ask(args, rehearsedHost(host)),
    }),
    sentiment: helper({
      doc: `Mood of an English text of up to ${LONGEST_TEXT} characters by VADER (Hutto and Gilbert, 2014), on this machine: shares of negative, neutral and positive words from 0 to 1, and \`compound\` from -1 (most negative) to 1. Texts of 0.05 or more are called positive, those of -0.05 or less negative.`,
      params: { text: z.string().max(LONGEST_TEXT).describe('English text') },
      returns: z.object({ neg: score, neu: score, pos: score, compound: score }),
      example: `console.log(chatgpt.sentiment('The book was good.').compound)`,
      run: ({ text }) => sentimentOf(text),
    }),
  },
)

interface Asked {
  readonly apiKey: string
  readonly prompt: string
  readonly maxTokens: number
}

function ask({ apiKey, prompt, maxTokens }: Asked, host: HelperHost): Promise<string> {
  return complete('chatgpt.prompt', host, {
    endpoint: openAiUrl(host.env),
    model: named(host.env.OPENAI_MODEL) ?? MODEL,
    apiKey,
    messages: [{ role: 'user', content: prompt }],
    maxTokens,
  })
}

function openAiUrl(env: Readonly<Record<string, unknown>>): string {
  const url = named(env.OPENAI_BASE_URL) ?? 'https://api.openai.com/v1'
  if (/^https?:$/.test(URL.parse(url)?.protocol ?? '')) return url
  throw new Mistake('E_HELPER_ARGUMENT', 'chatgpt.prompt: env.OPENAI_BASE_URL is no http address', {
    hint: 'Set scripting.env.OPENAI_BASE_URL to what stands before /chat/completions, such as https://api.openai.com/v1, or to nothing.',
  })
}

function named(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

const MODEL = 'gpt-4o-mini'
