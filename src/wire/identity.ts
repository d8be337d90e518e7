import { z } from 'zod'

/** Who sends requests, as the hub knows them. */
export const identity = z.object({
  name: z.string().describe('Of the token; `local` where none is asked for'),
  role: z.enum(['viewer', 'operator', 'author', 'admin']).describe('Each may do what those before it may'),
  version: z.string().describe('Of the hub'),
  isTokenNeeded: z.boolean().describe('Requests without a token are refused'),
})

/** A setting in force. */
export const settingView = z.object({
  key: z.string(),
  value: z.unknown(),
  masked: z.boolean().describe('There is a secret in it, which `value` does not have'),
  source: z.enum(['default', 'file', 'environment', 'flag']),
  origin: z.string().describe('Place in a file, name of a variable, or flag; empty for defaults'),
  doc: z.string(),
})

export type Identity = z.infer<typeof identity>
export type SettingView = z.infer<typeof settingView>
