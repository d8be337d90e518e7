interface Panel {
  readonly title: string
  readonly unit?: string
  readonly kind?: 'timeseries' | 'stat'
  /** Expression → what its series are called. */
  readonly series: Readonly<Record<string, string>>
}

const SELECTED = 'namespace=~"$namespace"'

/** What people want to know first, from left to right and from the top down. */
const PANELS: readonly Panel[] = [
  {
    title: 'Workers',
    kind: 'stat',
    series: { [`count(remora_build_info{${SELECTED},component="worker"})`]: 'workers' },
  },
  { title: 'Hubs that lead', kind: 'stat', series: { [`sum(remora_leader{${SELECTED}})`]: 'leaders' } },
  {
    title: 'Cut off from NATS',
    kind: 'stat',
    series: { [`count(remora_bus_connected{${SELECTED}} == 0) or vector(0)`]: 'programs' },
  },
  {
    title: 'Agents that do not run',
    kind: 'stat',
    series: { [`count(agent_running{${SELECTED}} == 0) or vector(0)`]: 'agents' },
  },
  {
    title: 'Packets',
    unit: 'pps',
    series: {
      [`sum by (node) (rate(kubeshark_received_packets_total{${SELECTED}}[$__rate_interval]))`]: '{{node}}',
    },
  },
  {
    title: 'Packets lost',
    unit: 'pps',
    series: {
      [`sum by (node) (rate(kubeshark_dropped_packets_total{${SELECTED}}[$__rate_interval]))`]: '{{node}}',
    },
  },
  {
    title: 'Entries by protocol',
    unit: 'ops',
    series: {
      [`sum by (protocol) (rate(remora_entries_total{${SELECTED}}[$__rate_interval]))`]: '{{protocol}}',
    },
  },
  {
    title: 'Dropped, by place and reason',
    unit: 'ops',
    series: {
      [`sum by (place, reason) (rate(remora_dropped_total{${SELECTED}}[$__rate_interval])) > 0`]:
        '{{place}}: {{reason}}',
    },
  },
  {
    title: 'CPU of agents',
    unit: 'percentunit',
    series: {
      [`sum by (agent) (rate(agent_cpu_seconds_total{${SELECTED}}[$__rate_interval]))`]: '{{agent}}',
    },
  },
  {
    title: 'Time that agents wait for helpers',
    unit: 'percentunit',
    series: {
      [`sum by (agent) (rate(agent_wait_seconds_total{${SELECTED}}[$__rate_interval]))`]: '{{agent}}',
    },
  },
  {
    title: 'Errors of agents',
    unit: 'ops',
    series: { [`sum by (agent) (rate(agent_errors_total{${SELECTED}}[$__rate_interval]))`]: '{{agent}}' },
  },
  {
    title: 'Memory of agents',
    unit: 'bytes',
    series: { [`max by (agent) (agent_memory_bytes{${SELECTED}})`]: '{{agent}}' },
  },
  {
    title: 'Calls of helpers that wait to be delivered',
    series: {
      [`sum by (agent, helper) (agent_outbox_waiting{${SELECTED}}) > 0`]: '{{agent}}: {{helper}}',
    },
  },
  {
    title: 'Calls of helpers that failed',
    unit: 'ops',
    series: {
      [`sum by (helper, status) (rate(agent_helper_calls_total{${SELECTED},status!="ok"}[$__rate_interval]))`]:
        '{{helper}}: {{status}}',
    },
  },
  {
    title: 'CPU of workers and hubs',
    unit: 'percentunit',
    series: {
      [`sum by (component, node) (rate(process_cpu_seconds_total{${SELECTED},component=~"hub|worker"}[$__rate_interval]))`]:
        '{{component}} {{node}}',
    },
  },
  {
    title: 'Memory of workers and hubs',
    unit: 'bytes',
    series: {
      [`process_resident_memory_bytes{${SELECTED},component=~"hub|worker"}`]: '{{component}} {{node}}',
    },
  },
  {
    title: 'Requests to the API that took longest (99 %)',
    unit: 's',
    series: {
      [`topk(5, histogram_quantile(0.99, sum by (le, route) (rate(remora_api_seconds_bucket{${SELECTED}}[$__rate_interval]))))`]:
        '{{route}}',
    },
  },
  {
    title: 'What is followed of the cluster',
    series: {
      [`max by (name) (remora_other{${SELECTED},name=~"cluster.watched.+"})`]: '{{name}}',
    },
  },
]

/** A dashboard for Grafana: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/ */
export function grafanaDashboard(): string {
  let [x, y] = [0, 0]
  const panels = PANELS.map((panel, index) => {
    const isStat = panel.kind === 'stat'
    const [w, h] = isStat ? [6, 4] : [12, 8]
    if (x + w > WIDTH) {
      x = 0
      y += isStat ? h : PANELS[index - 1]?.kind === 'stat' ? 4 : h
    }
    const gridPos = { h, w, x, y }
    x += w
    return panelOf(panel, index + 1, gridPos)
  })
  return `${JSON.stringify(
    {
      uid: 'remora',
      title: 'Remora',
      tags: ['remora'],
      schemaVersion: 39,
      editable: true,
      refresh: '30s',
      time: { from: 'now-1h', to: 'now' },
      templating: { list: [SOURCE, NAMESPACE] },
      panels,
    },
    null,
    2,
  )}\n`
}

function panelOf({ title, unit = 'short', kind = 'timeseries', series }: Panel, id: number, gridPos: object) {
  const targets = Object.entries(series).map(([expr, legendFormat], index) => ({
    refId: String.fromCharCode(65 + index),
    datasource: DATASOURCE,
    expr,
    legendFormat,
  }))
  const fieldConfig = { defaults: { unit, min: 0 }, overrides: [] }
  return { id, type: kind, title, gridPos, datasource: DATASOURCE, fieldConfig, targets }
}

const DATASOURCE = { type: 'prometheus', uid: '$datasource' }
const SOURCE = { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Source' }
const NAMESPACE = {
  name: 'namespace',
  type: 'query',
  label: 'Namespace',
  datasource: DATASOURCE,
  query: 'label_values(remora_build_info, namespace)',
  refresh: 2,
  includeAll: true,
  // Outside of Kubernetes there is no such label.
  allValue: '.*',
  current: { text: 'All', value: '$__all' },
}
const WIDTH = 24
