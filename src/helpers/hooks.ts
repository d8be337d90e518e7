import { z } from 'zod'
import { type Params, typed } from './helper.ts'

/** An event that scripts hear: a function of this name at the top level of the script. */
export interface Hook {
  readonly doc: string
  /** In the order in which the function gets them. */
  readonly params: Params
  /** What the function may return. */
  readonly returns: z.ZodType
  readonly runsOn: 'workers' | 'hub' | 'hub and workers' | 'where the job ran'
  readonly example: string
}

const job = {
  tag: z.string().describe('Tag of the job'),
  cron: z.string().describe('Its cron expression'),
  limit: z.number().describe('How often it may run; 0 = without end'),
}

/** All hooks, by name. */
export const hooks = {
  onPacketCaptured: {
    doc: 'Called for every captured packet, maybe ten thousand times a second: count, and leave the rest to a job. Packets that the script cannot keep up with are skipped and counted.',
    params: { info: typed('PacketInfo').describe('What is known of the packet') },
    returns: z.void(),
    runsOn: 'workers',
    example: `var packets = 0\nvar kilobytes = 0\n\nfunction onPacketCaptured(info) {\n  packets++\n  kilobytes += info.length / 1000\n}`,
  },
  onItemCaptured: {
    doc: 'Called for every request with its reply (or alone, when the reply never came: `data.response` is null and `data.error` says why). What it changes in `data` stays its own.',
    params: { data: typed('Entry').describe('The entry') },
    returns: z.void(),
    runsOn: 'workers',
    example: `function onItemCaptured(data) {\n  if (data.protocol.name !== 'http' || !data.response) return\n  if (data.response.status === 500) console.error('failed:', data.request)\n}`,
  },
  onItemQueried: {
    doc: 'Called before an entry is shown: to colour it (`test.pass`, `test.fail`) or to change what people see. Scripts run one after another, each on what the one before returned.',
    params: {
      data: typed('Entry').describe('The entry, a copy'),
      filter: typed('string').describe('The filter of the query; "" when there is none'),
    },
    returns: typed('Entry | null | false | void').describe(
      'The entry to show instead; nothing: `data` as it is now; null or false: hide it',
    ),
    runsOn: 'workers',
    example: `function onItemQueried(data) {\n  if (data.request && data.request.headers) data.request.headers.Authorization = '[REDACTED]'\n  return data\n}`,
  },
  onHubAction: {
    doc: 'Called on the hub when any script calls `hub.action`, for every active script: look at `action` first.',
    params: {
      action: z.string().describe('What it is about'),
      object: typed('any').describe('Copy of what was sent'),
      meta: typed(
        '{ node: string, script: number, title: string, time: number, redelivered?: boolean }',
      ).describe(
        'Who sent it, and when by the clock there (ms); `redelivered`: this may be the second time that it comes',
      ),
    },
    returns: z.void(),
    runsOn: 'hub',
    example: `var calls = 0\n\nfunction onHubAction(action, object) {\n  if (action === 'shop-calls') calls += object.calls\n}`,
  },
  onPodEvent: {
    doc: 'Called when Kubernetes reports a change of a pod: on the hub for all pods, on workers for those that are captured and those of their node. Whenever the script is loaded, every pod there is comes as ADDED first.',
    params: {
      event: typed(`'ADDED' | 'MODIFIED' | 'DELETED'`).describe('What happened'),
      pod: typed('Pod').describe('The pod as it is now, or as it was last'),
      meta: typed('{ node: string, time: number }').describe(
        'Node of the pod, "" when it has none yet, and when the hub learned of the change (ms)',
      ),
      reason: typed('PodReason | undefined').describe(
        'What the change means, read off the status before and after; undefined when it says nothing',
      ),
    },
    returns: z.void(),
    runsOn: 'hub and workers',
    example: `function onPodEvent(event, pod, meta, reason) {\n  if (event === 'DELETED') console.log(pod.metadata.name, 'is gone')\n  if (reason && reason.reason === 'oom') console.error(pod.metadata.name, reason.container, 'had too little memory')\n}`,
  },
  onJobPassed: {
    doc: 'Called after a job of this script has run.',
    params: job,
    returns: z.void(),
    runsOn: 'where the job ran',
    example: `function onJobPassed(tag, cron, limit) {\n  console.log('done:', tag, cron, limit)\n}`,
  },
  onJobFailed: {
    doc: 'Called after a job of this script has thrown. It stays scheduled.',
    params: { ...job, err: z.string().describe('What it threw') },
    returns: z.void(),
    runsOn: 'where the job ran',
    example: `function onJobFailed(tag, cron, limit, err) {\n  console.error(tag, 'failed:', err)\n}`,
  },
  onLogCall: {
    doc: 'Called when the component itself writes a line to its log; not for lines that this hook causes.',
    params: {
      level: z.string().describe('debug, info, warning or error'),
      msg: typed('any').describe('The record as JSON text, or as an object'),
    },
    returns: z.void(),
    runsOn: 'hub and workers',
    example: `function onLogCall(level, msg) {\n  if (level === 'error') console.error(msg)\n}`,
  },
} as const satisfies Record<string, Hook>

export type HookName = keyof typeof hooks

/** Names of all hooks. */
export const HOOKS = Object.keys(hooks) as readonly HookName[]
