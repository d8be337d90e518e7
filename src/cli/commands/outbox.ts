import { Command } from 'commander'
import type { HubClient } from '../../client/hub-client.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { OutboxAnswer } from '../../wire/outbox.ts'
import { findAgent } from '../agent-names.ts'
import { addHubOptions, type HubFlags, withHub } from '../hub-options.ts'
import { note, print, printJson } from '../print.ts'
import { table } from '../table.ts'
import { distance, fitted, plural } from '../text.ts'

interface OutboxFlags extends HubFlags {
  readonly node?: string
  readonly json?: boolean
}

interface SelectingFlags extends OutboxFlags {
  readonly agent?: string
  readonly helper?: string
  readonly key?: string
  readonly all?: boolean
  readonly waiting?: boolean
}

export function outboxCommand(): Command {
  const outbox = new Command('outbox').description(
    'See and change the calls of helpers that agents have queued.',
  )
  const commands = [
    new Command('list')
      .description('What waits, by destination, and why.')
      .option('--json', 'print a line of JSON for each key')
      .action((flags: OutboxFlags) => withHub(flags, (hub) => list(hub, flags))),
    new Command('dead')
      .description('Calls that were given up, newest first.')
      .option('--json', 'print a line of JSON for each call')
      .action((flags: OutboxFlags) => withHub(flags, (hub) => dead(hub, flags))),
    selecting(new Command('retry').description('Send calls again that were given up.')).action(
      (id: string | undefined, flags: SelectingFlags) =>
        withHub(flags, (hub) => change(hub, 'retry', id, flags)),
    ),
    selecting(new Command('drop').description('Delete calls that were given up.'))
      .option('--waiting', 'those that wait instead; what is under way is left alone')
      .action((id: string | undefined, flags: SelectingFlags) =>
        withHub(flags, (hub) =>
          change(hub, flags.waiting === true ? 'drop-waiting' : 'drop-dead', id, flags),
        ),
      ),
  ]
  for (const command of commands)
    outbox.addCommand(addHubOptions(command.option('--node <name>', 'on this node')))
  return outbox
}

function selecting(command: Command): Command {
  return command
    .argument('[id]', 'its id')
    .option('--agent <name>', 'of this agent: its identity, index or title')
    .option('--helper <path>', 'of this helper, such as vendor.webhook')
    .option('--key <key>', 'with this key')
    .option('--all', 'all of them')
}

async function list(hub: HubClient, { node, json }: OutboxFlags): Promise<void> {
  const answers = await hub.outbox({ order: 'list', selector: {} }, node)
  const lanes = answers.flatMap(({ node: of, lanes }) => lanes.map((lane) => ({ node: of, ...lane })))
  if (json === true) for (const lane of lanes) await printJson({ type: 'waiting', ...lane })
  else if (lanes.length === 0) note('nothing waits')
  else {
    const now = Date.now()
    const rows = lanes.map((lane) => [
      fitted(lane.node, 12),
      fitted(lane.title, 16),
      lane.helper,
      fitted(lane.key, 32),
      lane.waiting,
      distance(lane.oldest, now),
      lane.failures,
      lane.due <= now ? 'due' : distance(lane.due, now),
      fitted(lane.error, 60),
    ])
    print(table([['node', 'agent', 'helper', 'key', 'wait', 'oldest', 'failed', 'next', 'why'], ...rows], ''))
  }
}

async function dead(hub: HubClient, { node, json }: OutboxFlags): Promise<void> {
  const answers = await hub.outbox({ order: 'dead', selector: {} }, node)
  const calls = answers.flatMap(({ node: of, dead }) => dead.map((call) => ({ node: of, ...call })))
  if (json === true) for (const call of calls) await printJson({ type: 'dead', ...call })
  else if (calls.length === 0) note('no call was given up')
  else {
    const now = Date.now()
    const rows = calls.map((call) => [
      call.id,
      fitted(call.node, 12),
      fitted(call.title, 16),
      call.helper,
      fitted(call.key, 32),
      distance(call.diedAt, now),
      call.attempts,
      fitted(call.reason, 80),
    ])
    print(table([['id', 'node', 'agent', 'helper', 'key', 'given up', 'tried', 'why'], ...rows], ''))
  }
}

async function change(
  hub: HubClient,
  order: 'retry' | 'drop-dead' | 'drop-waiting',
  id: string | undefined,
  flags: SelectingFlags,
): Promise<void> {
  const { agent, helper, key, node, all } = flags
  if ([id, agent, helper, key, all].every((each) => each === undefined))
    throw new Mistake('E_USAGE', 'say which calls: an id, --agent, --helper, --key, or --all', {
      hint: 'remora outbox list and remora outbox dead show them',
    })
  const selector = {
    ...(id === undefined ? {} : { id }),
    ...(agent === undefined ? {} : { agent: findAgent(await hub.agents(), agent).id }),
    ...(helper === undefined ? {} : { helper }),
    ...(key === undefined ? {} : { key }),
  }
  print(doneText(order, await hub.outbox({ order, selector }, node)))
}

function doneText(order: keyof typeof DONE, answers: readonly OutboxAnswer[]): string {
  const count = answers.reduce((sum, answer) => sum + answer.count, 0)
  return `${DONE[order]} ${plural(count, 'call')}`
}

const DONE = { retry: 'will send again', 'drop-dead': 'deleted', 'drop-waiting': 'dropped' } as const
