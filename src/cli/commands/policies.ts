import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { parseAllDocuments, stringify } from 'yaml'
import { z } from 'zod'
import type { HubClient } from '../../client/hub-client.ts'
import { Mistake } from '../../mistake/mistake.ts'
import {
  type PolicyPreview,
  type PolicyRuleText,
  type PolicyView,
  policyRuleText,
} from '../../wire/policies.ts'
import { addHubOptions, type HubFlags, withHub } from '../hub-options.ts'
import { note, print, printJson } from '../print.ts'
import { table } from '../table.ts'
import { distance, fitted, printable } from '../text.ts'

interface PolicyFlags extends HubFlags {
  readonly window: string
  readonly filter?: string
  readonly json?: boolean
}

export function policiesCommand(): Command {
  const policies = new Command('policies').description(
    'See what agents have put in force by policy.apply, and what a policy would do.',
  )
  const commands = [
    new Command('list')
      .description('Policies in force, those first that are over first.')
      .option('--json', 'print a line of JSON for each policy')
      .action((flags: PolicyFlags) => withHub(flags, (hub) => list(hub, flags))),
    new Command('remove')
      .description('Lift a policy before its time is over.')
      .argument('<name>', 'as list shows it')
      .action((name: string, flags: PolicyFlags) => withHub(flags, (hub) => remove(hub, name))),
    new Command('preview')
      .description('Show what a policy would have cut of what was seen. Nothing is put in force.')
      .argument(
        '<file>',
        'NetworkPolicies, or rules as policy.apply takes them: YAML or JSON; several are tried together; - reads them from the input',
      )
      .option('--window <duration>', 'how far back to look', '1h')
      .option('--json', 'print it as a line of JSON')
      .action((file: string, flags: PolicyFlags) => withHub(flags, (hub) => preview(hub, file, flags))),
    new Command('suggest')
      .description('Print policies under which all that was seen could have been, as YAML for kubectl apply.')
      .option('--window <duration>', 'how far back to look', '1h')
      .option('--filter <kfl>', 'of entries that match it, as far back as they are kept')
      .option('--json', 'print them as a line of JSON')
      .action((flags: PolicyFlags) => withHub(flags, (hub) => suggest(hub, flags))),
  ]
  for (const command of commands)
    policies.addCommand(addHubOptions(command), { isDefault: command === commands[0] })
  return policies
}

async function list(hub: HubClient, { json }: PolicyFlags): Promise<void> {
  const { enabled, policies } = await hub.policies()
  if (json === true) for (const policy of policies) await printJson({ type: 'policy', ...policy })
  else if (policies.length > 0) print(policiesTable(policies, Date.now()))
  else note('no policies are in force')
  if (!enabled) note('agents may put none in force: scripting.allowEnforcement is off')
}

function policiesTable(policies: readonly PolicyView[], now: number): string {
  const rows = policies.map(({ name, summary, agentTitle, reason, expiresAt, cut, changed }) => [
    name,
    fitted(summary, 48),
    fitted(agentTitle, 20),
    fitted(reason, 32),
    distance(expiresAt, now),
    cut === null ? '-' : cut.packets,
    changed ? 'changed by somebody' : '',
  ])
  return table([['name', 'policy', 'agent', 'why', 'until', 'packets cut', ''], ...rows], '')
}

async function remove(hub: HubClient, name: string): Promise<void> {
  const { text } = await hub.removePolicy(name)
  print(printable(text))
}

async function preview(hub: HubClient, file: string, { window, json }: PolicyFlags): Promise<void> {
  const answer = await hub.previewPolicy(readRuleFile(file), window)
  if (json === true) await printJson({ type: 'preview', ...answer })
  else printPreview(answer)
  tellReach(answer)
}

function printPreview({ rule, requests, flows, moreFlows, entries, moreEntries }: PolicyPreview): void {
  print(`${printable(rule)} would have cut ${requests.cut} of ${requests.seen} requests`)
  if (flows.length > 0) {
    const rows = flows.map((flow) => [
      fitted(flow.from, 40),
      fitted(flow.to, 40),
      `${flow.protocol} ${flow.port}`,
      flow.requests,
      distance(flow.lastAt, Date.now()),
    ])
    print(table([['from', 'to', 'port', 'requests', 'last'], ...rows], ''))
  }
  if (moreFlows > 0) print(`and ${moreFlows} more connections`)
  for (const id of entries) print(printable(id))
  if (moreEntries > 0) note(`${moreEntries} more requests, which are not kept any more or too many to list`)
}

async function suggest(hub: HubClient, { window, filter = '', json }: PolicyFlags): Promise<void> {
  const answer = await hub.suggestPolicies(filter, window)
  if (json === true) await printJson({ type: 'suggestion', ...answer })
  else {
    const documents = [...answer.policies, ...answer.rules]
    if (documents.length === 0) note('nothing was seen of which a policy could be made')
    else
      print(
        documents
          .map((each) => stringify(each))
          .join('---\n')
          .trimEnd(),
      )
  }
  tellReach(answer)
}

function tellReach({ from, complete, notes }: Pick<PolicyPreview, 'from' | 'complete' | 'notes'>): void {
  for (const each of notes) note(printable(each))
  if (!complete) note(`not all of the time is known: what was seen begins at ${new Date(from).toISOString()}`)
}

function readRuleFile(file: string): PolicyRuleText {
  let value: unknown
  try {
    const documents = parseAllDocuments(readFileSync(file === '-' ? 0 : file, 'utf8'))
    const all = documents.flatMap((each) => {
      if (each.errors[0] !== undefined) throw each.errors[0]
      return membersOf(each.toJS())
    })
    value = all.length > 1 ? { all } : all[0]
  } catch (error) {
    throw new Mistake('E_USAGE', `${file} cannot be read: ${(error as Error).message}`, {
      hint: 'It has to be NetworkPolicies, or rules, as YAML or JSON.',
    })
  }
  const rule = policyRuleText.safeParse(value)
  if (rule.success) return rule.data
  throw new Mistake('E_USAGE', `${file} has no policy in it`, {
    hint: 'It has to be NetworkPolicies, or rules, as YAML or JSON.',
  })
}

/** Of a list as kubectl writes it, without those of other kinds; of an empty document nothing. */
function membersOf(document: unknown): unknown[] {
  if (document === null || document === undefined) return []
  const list = listed.safeParse(document)
  return list.success ? list.data.items.filter(({ kind }) => kind === 'NetworkPolicy') : [document]
}

const listed = z.object({
  kind: z.literal('List'),
  items: z.array(z.looseObject({ kind: z.string() })),
})
