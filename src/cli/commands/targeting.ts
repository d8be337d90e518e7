import { Command } from 'commander'
import type { HubClient } from '../../client/hub-client.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { PodTarget, TargetingChange, TargetingRules, TargetingView } from '../../wire/targeting.ts'
import { addHubOptions, type HubFlags, withHub } from '../hub-options.ts'
import { note, print, printJson } from '../print.ts'
import { table } from '../table.ts'
import { fitted, plural, printable } from '../text.ts'

interface GetFlags extends HubFlags {
  readonly all?: boolean
  readonly json?: boolean
}

interface SetFlags extends HubFlags {
  readonly regex?: string
  readonly namespaces?: string
  readonly excludedNamespaces?: string
  readonly bpf?: string
  readonly sampleRate?: string
  readonly dryRun?: boolean
  readonly json?: boolean
}

export function targetingCommand(): Command {
  const targeting = new Command('targeting').description('See and change which pods are captured.')
  const get = new Command('get')
    .description('The rules, and the pods that they take.')
    .option('--all', 'the other pods as well')
    .option('--json', 'print it as JSON')
    .action((flags: GetFlags) => withHub(flags, async (hub) => show(await hub.targeting(), flags)))
  const set = new Command('set')
    .description('Change rules; what is not named stays as it is.')
    .option('--regex <pattern>', 'pods whose name matches, as RE2 has it; .* for all')
    .option('--namespaces <list>', 'only pods in these, with commas between; "" for all')
    .option('--excluded-namespaces <list>', 'no pods in these; "" for none')
    .option('--bpf <filter>', 'a capture filter instead of all three; "" for none')
    .option('--sample-rate <percent>', 'so many of the connections')
    .option('--dry-run', 'show what it would mean, and change nothing')
    .option('--json', 'print it as JSON')
    .action((flags: SetFlags) => withHub(flags, (hub) => change(hub, flags)))
  for (const command of [get, set]) targeting.addCommand(addHubOptions(command))
  return targeting
}

async function change(hub: HubClient, flags: SetFlags): Promise<void> {
  const wanted = changeOf(flags)
  if (Object.keys(wanted).length === 0)
    throw new Mistake('E_USAGE', 'say what to change', {
      hint: 'remora targeting set --namespaces shop,cart',
    })
  const isTrial = flags.dryRun === true
  await show(await (isTrial ? hub.previewTargeting(wanted) : hub.changeTargeting(wanted)), flags)
}

function changeOf({ regex, namespaces, excludedNamespaces, bpf, sampleRate }: SetFlags): TargetingChange {
  return {
    ...(regex === undefined ? {} : { regex }),
    ...(namespaces === undefined ? {} : { namespaces: listOf(namespaces) }),
    ...(excludedNamespaces === undefined ? {} : { excludedNamespaces: listOf(excludedNamespaces) }),
    ...(bpf === undefined ? {} : { bpfOverride: bpf }),
    ...(sampleRate === undefined ? {} : { sampleRate: percentOf(sampleRate) }),
  }
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
}

function percentOf(text: string): number {
  const percent = Number(text.replace(/%$/, ''))
  if (text.trim() !== '' && percent >= 0 && percent <= 100) return percent
  throw new Mistake('E_USAGE', `--sample-rate takes a number from 0 to 100, not ${text}`)
}

async function show(view: TargetingView, { all, json }: GetFlags): Promise<void> {
  if (json === true) {
    await printJson(view)
    return
  }
  print(table(rulesOf(view.rules), ''))
  const { pods, targeted, namespaces, nodes } = view.counts
  const where = `in ${plural(namespaces, 'namespace')} on ${plural(nodes, 'node')}`
  note(`${targeted} of ${plural(pods, 'pod')} ${where}; version ${view.version} by ${view.author}`)
  if (view.warning !== '') note(printable(view.warning))
  const shown = view.pods.filter(({ state }) => all === true || state === 'targeted')
  if (shown.length > 0)
    print(table([['namespace', 'pod', 'node', 'address', 'state', 'traffic'], ...shown.map(rowOf)], ''))
}

function rulesOf(rules: TargetingRules): string[][] {
  const { regex, namespaces, excludedNamespaces, bpfOverride, sampleRate } = rules
  return [
    ['regex', printable(regex)],
    ['namespaces', printable(namespaces.join(', ')) || 'all'],
    ['excluded namespaces', printable(excludedNamespaces.join(', ')) || 'none'],
    ['capture filter instead', printable(bpfOverride) || 'none'],
    ['connections', `${sampleRate} %`],
  ]
}

function rowOf({ namespace, name, node, ips, state, seen }: PodTarget): string[] {
  return [fitted(namespace, 24), fitted(name, 48), fitted(node, 24), ips.join(' '), state, seen ? 'seen' : '']
}
