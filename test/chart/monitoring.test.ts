import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse, stringify } from 'yaml'
import { metricsPage } from '../../src/metrics/reference.ts'
import { hasTools } from '../../src/testing/loopback.ts'
import { run } from '../../src/testing/programs.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'
import { type Json, listOf, recordOf, textOf, textsOf } from '../kube/object.ts'
import { CHART } from './chart.ts'

const RULES = join(CHART, 'files/rules.yaml')

describe('dashboard and alert rules', () => {
  test('ask for metrics that there are', async () => {
    const page = metricsPage()
    const dashboard = await readFile(join(CHART, 'files/dashboard.json'), 'utf8')
    const asked = [await readFile(RULES, 'utf8'), dashboard]
      .join()
      .match(/\b(remora|agent|kubeshark)_[a-z_]+/g)
    const names = [...new Set(asked)].filter((name) => !NO_METRICS.has(name))
    assert.ok(names.length > 10)
    const missing = names.filter((name) => !page.includes(`\`${name.replace(/_(bucket|sum|count)$/, '')}`))
    assert.deepEqual(missing, [])
  })

  test('ask for labels that these metrics have', async () => {
    const labels = new Map(
      [...metricsPage().matchAll(/^\| `(\w+)` \| \w+ \|([^|]*)\|/gm)].map(([, name = '', text = '']) => [
        name,
        new Set([...text.matchAll(/`(\w+)`/g)].map(([, label]) => label)),
      ]),
    )
    const dashboard = await readFile(join(CHART, 'files/dashboard.json'), 'utf8')
    const asked = [await readFile(RULES, 'utf8'), dashboard.replaceAll('\\"', '"')]
      .join()
      .matchAll(/\b((?:remora|agent|kubeshark)_[a-z_]+)\{([^}]*)\}/g)
    const missing = [...asked].flatMap(([, name = '', selectors = '']) =>
      [...selectors.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)]
        .map(([, label = '']) => label)
        .filter((label) => !OF_ALL.has(label) && !labels.get(name.replace(/_bucket$/, ''))?.has(label))
        .map((label) => `${name}: ${label}`),
    )
    assert.ok(labels.size > 20)
    assert.deepEqual(missing, [])
  })

  test('of the dashboard do not lie over each other', async () => {
    const dashboard = recordOf(JSON.parse(await readFile(join(CHART, 'files/dashboard.json'), 'utf8')))
    const taken = new Set<string>()
    for (const { gridPos, title } of listOf(dashboard.panels).map(recordOf)) {
      const { x, y, w, h } = recordOf(gridPos) as Readonly<Record<string, number>>
      for (let column = x ?? 0; column < (x ?? 0) + (w ?? 0); column++)
        for (let row = y ?? 0; row < (y ?? 0) + (h ?? 0); row++) {
          assert.ok(column < 24 && !taken.has(`${column} ${row}`), textOf(title))
          taken.add(`${column} ${row}`)
        }
    }
  })

  test('alert when there is reason to, and only then', async (t) => {
    if (!hasTools(t, 'promtool')) return
    const series = (name: string, values: string) => ({ series: name, values })
    const said = annotations(recordOf(parse(await readFile(RULES, 'utf8'))))
    const at = (alertname: string, time: string, ...alerts: readonly Readonly<Record<string, string>>[]) => ({
      alertname,
      eval_time: time,
      exp_alerts: alerts.map((labels) => ({ exp_labels: labels, exp_annotations: said(alertname, labels) })),
    })
    const file = join(await tempFolder(t), 'rules.test.yaml')
    const tests = {
      rule_files: [RULES],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: [
            series('remora_leader{namespace="net",node="a"}', '1x30'),
            series('remora_leader{namespace="net",node="b"}', '0x10 1x30'),
            series('remora_build_info{component="worker"}', '1x30'),
            series('remora_bus_connected{component="worker",node="a"}', '1x10 0x30'),
          ],
          alert_rule_test: [
            at('RemoraNoLeader', '10m'),
            at('RemoraNoLeader', '20m', { namespace: 'net', severity: 'critical' }),
            at('RemoraNoWorker', '20m'),
            at('RemoraOnItsOwn', '10m'),
            at('RemoraOnItsOwn', '20m', { component: 'worker', node: 'a', severity: 'warning' }),
          ],
        },
        {
          interval: '1m',
          input_series: [
            ...['remora_leader', 'remora_build_info{component="worker"}'].map((name) => series(name, '1x30')),
            ...DROPPED_AS_EVER.map(([place, reason]) =>
              series(
                `remora_dropped_total{component="worker",node="a",place="${place}",reason="${reason}"}`,
                '0+60x30',
              ),
            ),
            series(
              'remora_dropped_total{component="worker",node="a",place="console",reason="queue-full"}',
              '0+60x30',
            ),
          ],
          alert_rule_test: [
            at('RemoraDropping', '20m', {
              ...{ component: 'worker', node: 'a', place: 'console', reason: 'queue-full' },
              severity: 'warning',
            }),
          ],
        },
        {
          interval: '1m',
          input_series: [series('unrelated', '0x30')],
          alert_rule_test: [
            at('RemoraNoLeader', '10m', { severity: 'critical' }),
            at('RemoraNoWorker', '10m', { component: 'worker', severity: 'critical' }),
          ],
        },
      ],
    }
    await writeFile(file, stringify(tests))
    const checked = await run('promtool', ['check', 'rules', RULES])
    assert.equal(checked.code, 0, checked.stderr)
    const tested = await run('promtool', ['test', 'rules', file])
    assert.equal(tested.code, 0, tested.stdout + tested.stderr)
  })
})

/** What a worker that is well leaves out all the time. */
const DROPPED_AS_EVER = [
  ['packets', 'ignored: not-targeted'],
  ['packets', 'ignored: duplicate'],
  ['stream-bytes', 'unrecognised'],
  ['store', 'expired'],
  ['store', 'over-size'],
  ['spool', 'evicted'],
  ['flows', 'over-size'],
] as const
/** Of every series: our own, and where it was scraped. */
const OF_ALL = new Set(['component', 'node', 'namespace'])
const NO_METRICS = new Set(['remora_api'])

/** What an alert says of what has these labels. */
function annotations({ groups }: Json) {
  const rules = listOf(groups).flatMap((group) => listOf(recordOf(group).rules).map(recordOf))
  return (alert: string, labels: Readonly<Record<string, string>>) => {
    const texts = Object.entries(textsOf(rules.find((rule) => rule.alert === alert)?.annotations))
    const filled = (text: string) =>
      text.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? '')
    return Object.fromEntries(texts.map(([name, text]) => [name, filled(text)]))
  }
}
