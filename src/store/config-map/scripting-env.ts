import { z } from 'zod'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import { Mistake } from '../../mistake/mistake.ts'

const env = z.record(z.string(), z.json())
export type ScriptingEnv = z.infer<typeof env>

/**
 * What agents read as `env.NAME`, from the secret of a release (`kubeshark-secret`). {} when it has none. What is in it is
 * secret: no message has any of it.
 */
export async function readScriptingEnv(
  client: KubernetesClient,
  secret: string,
  namespace = client.namespace,
): Promise<ScriptingEnv> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(secret)}`
  const { data } = await client.get(path)
  const text = z.looseObject({ [KEY]: z.string().default('') }).safeParse(data ?? {}).data?.[KEY]
  if (text === undefined) throw damaged(secret)
  if (text === '') return {}
  const values = env.safeParse(jsonOf(Buffer.from(text, 'base64').toString()))
  if (!values.success) throw damaged(secret)
  return values.data
}

/** An error of JSON.parse quotes what it cannot read. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function damaged(secret: string): Mistake {
  return new Mistake('E_STORE', `${KEY} of the secret ${secret} is no JSON object`, {
    hint: 'Write it as {"NAME": "value"}; scripting.env of the Helm chart does so.',
  })
}

const KEY = 'SCRIPTING_ENV'
