import { z } from 'zod'
import { Mistake, type MistakeCode } from '../mistake/mistake.ts'

/** What the API server answers when it does not do what it was asked for. */
const status = z.object({
  kind: z.literal('Status'),
  message: z.string().default(''),
  reason: z.string().default(''),
  code: z.number().int().optional(),
})
type Status = z.infer<typeof status>

export function readStatus(value: unknown): Status | undefined {
  return status.safeParse(value).data
}

/** Undefined for what is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The mistake that a refused request was: what the server says, and what can be done. */
export function refusal(what: string, code: number, body: unknown): Mistake {
  const said = readStatus(body)
  const message = said?.message.slice(0, LONGEST_MESSAGE) || `HTTP ${code}`
  const right = code === 403 ? missingRight(message) : undefined
  if (right !== undefined)
    return new Mistake('E_FORBIDDEN', `Kubernetes refused to ${what}: ${message}`, { hint: right })
  const isTooLong = code === 413 || (code === 422 && /too long|too large|exceed/i.test(message))
  const [kind, hint] = isTooLong ? TOO_LARGE : (KINDS[code] ?? OTHERS)
  return new Mistake(kind, `Kubernetes refused to ${what}: ${message}`, { hint })
}

/** A redirect, which is not followed. */
export function redirected(what: string, location: string): Mistake {
  const to = URL.canParse(location) ? new URL(location).origin : 'somewhere else'
  return new Mistake('E_KUBERNETES', `Kubernetes did not ${what}, and sent us to ${to}`, {
    hint: 'We do not go there, since our token is for the API server: name its own address, not that of a proxy with a login.',
  })
}

/** Which rule to add to which role, read off what the API server says is not allowed; undefined: it is about something else. */
function missingRight(message: string): string | undefined {
  const [, user = '', verb = '', resource = '', group = '', namespace] = RIGHT.exec(message) ?? []
  if (verb === '') return undefined
  const rule = `{apiGroups: ["${group}"], resources: ["${resource}"], verbs: ["${verb}"]}`
  const [, , , account] = user.split(':')
  const who = user.startsWith('system:serviceaccount:') ? `service account ${account}` : `user ${user}`
  return namespace === undefined
    ? `Add the rule ${rule} to a ClusterRole, and bind it to ${who} with a ClusterRoleBinding.`
    : `Add the rule ${rule} to a Role in namespace ${namespace}, and bind it to ${who} with a RoleBinding there.`
}

/** As k8s.io/apiserver words it, for resources. */
const RIGHT =
  /User "([^"]*)" cannot ([a-z]+) resource "([^"]*)" in API group "([^"]*)" (?:at the cluster scope|in the namespace "([^"]*)")/

type Kind = readonly [MistakeCode, string]

const TOO_LARGE: Kind = ['E_TOO_LARGE', 'An object of Kubernetes has 1 MiB at most.']
const OTHERS: Kind = ['E_KUBERNETES', 'Its API server fails; try again later, and look into its log.']
const KINDS: Readonly<Record<number, Kind>> = {
  400: ['E_REQUEST', 'The API server does not understand it: its version may be too old.'],
  401: [
    'E_UNAUTHENTICATED',
    'Look whether the token of the service account is mounted, or what the kubeconfig has for its user, and has not expired.',
  ],
  403: [
    'E_FORBIDDEN',
    'A rule of the cluster does not admit it: a quota, a policy or a webhook, which its words name.',
  ],
  404: ['E_NOT_FOUND', 'Look whether the name and the namespace are right.'],
  405: ['E_REQUEST', 'This kind of object cannot be changed so.'],
  409: ['E_CONFLICT', 'Read it again, and make the change to what is there now.'],
  410: ['E_CONFLICT', 'That version is not kept any more: read it again.'],
  422: ['E_REQUEST', 'The API server finds something wrong in the object.'],
}

const LONGEST_MESSAGE = 1000
