import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { httpServer } from '../../src/testing/http-server.ts'
import { ENV, load, outcomeOf, said, sent, states, titleOf } from './outcome.ts'
import { busyTraffic, namesTraffic, outageTraffic } from './traffic.ts'

describe('anomalies', { concurrency: 2 }, () => {
  test('find.js: a job over all samples, which only grow', async () => {
    const outcome = await load('anomalies/find.js')
    assert.equal(titleOf(outcome), 'Find slow calls')
    assert.deepEqual(states(outcome), ['ok', 'ok'])
    const lines = said(outcome, 'w1')
    assert.equal(lines.length, 7)
    assert.equal(lines.at(-1), 'w1: \x1b[31mw1\x1b[0m 10 samples, 1 slow')
    assert.equal(said(outcome, 'hub').at(-1), 'hub: \x1b[31mhub\x1b[0m 0 samples, 0 slow')
  })

  test('find2.js: samples go to the hub, which clears its console before each report', async () => {
    const lines = said(await load('anomalies/find2.js'))
    assert.equal(lines.length, 30)
    assert.deepEqual(lines.slice(-2), ['hub clear: ', 'hub: \x1b[33mlatencies:\x1b[0m 10'])
  })
})

describe('detection and drafts', { concurrency: 2 }, () => {
  test('slacklogs.js: does nothing until it is switched on', async () => {
    const outcome = await load('detection/slacklogs.js')
    assert.equal(titleOf(outcome), 'Slack Alerts')
    assert.deepEqual(said(outcome), [])
    assert.deepEqual(outcome.effects, [])
  })

  test('slacklogs.js, switched on: alerts, and tells its own mistakes by the entry', async () => {
    const outcome = await load('detection/slacklogs.js', {
      edit: (code) => code.replace('ACTIVE = false', 'ACTIVE = true'),
    })
    const lines = said(outcome)
    assert.equal(lines.filter((line) => line === 'w1 error: KFL invalid: unfinished').length, 45)
    assert.deepEqual(
      lines.filter((line) => line.includes('TypeError')),
      [
        "w1 error: onItemCaptured: TypeError: Cannot read properties of null (reading 'method') (detection-slacklogs.js:24:20)",
        "w1 error: onItemCaptured: TypeError: Cannot read properties of null (reading 'method') (detection-slacklogs.js:24:20) (29 more like it)",
      ],
    )
    assert.deepEqual(states(outcome), ['ok', 'ok'])
    const alerts = sent(outcome, 'vendor.slackBot')
    // Of the trigger that a gap of -1 was to switch off, one for each call.
    assert.equal(alerts.filter(({ pretext }) => pretext === '"switched off"').length, 11)
    assert.equal(alerts.filter(({ pretext }) => pretext === '"failures"').length, 2)
    assert.match(
      alerts[0]?.files ?? '',
      /^\{"PCAP":"data\/pcaps\/\d{12}\.pcap","Event":"data\/data\w+\.json"\}$/,
    )
    assert.match(alerts[0]?.fields ?? '', /"Service":"shop\.test","Namespace":"","Node":"w1"/)
  })

  test('hub-worker.js: an action of somebody else without an object is an error, and told once', async () => {
    const outcome = await load('drafts/hub-worker.js')
    assert.equal(titleOf(outcome), 'hub-worker')
    assert.deepEqual(said(outcome), ['hub: hi {"from":"w1","beat":1} 1', 'hub: hi {"from":"w1","beat":2} 2'])
    const other = await load('drafts/hub-worker.js', {
      edit: (code) => `${code}\njobs.schedule("other", "*/30 * * * * *", function () { hub.action("hi"); });`,
    })
    assert.deepEqual(
      said(other, 'hub').filter((line) => line.startsWith('hub error')),
      [
        "hub error: onHubAction: TypeError: Cannot read properties of undefined (reading 'beat') (drafts-hub-worker.js:8:54)",
        "hub error: onHubAction: TypeError: Cannot read properties of undefined (reading 'beat') (drafts-hub-worker.js:8:54) (9 more like it)",
      ],
    )
  })

  test('throughput.js: twenty seconds past each minute, and a null request is told once', async () => {
    const outcome = await load('drafts/throughput.js')
    assert.equal(titleOf(outcome), 'Detect throughput anomalies')
    assert.deepEqual(said(outcome), [
      "w1 error: onItemCaptured: TypeError: Cannot read properties of null (reading 'method') (throughput.js:8:26)",
      "w1 error: onItemCaptured: TypeError: Cannot read properties of null (reading 'method') (throughput.js:8:26) (29 more like it)",
    ])
    const posts = sent(outcome, 'vendor.slackBot')
    assert.deepEqual(
      posts.map(({ color, fields }) => [color, fields]),
      Array(3).fill(['"ff8800"', '{"Node":"w1"}']),
    )
  })

  test('throughput.js: waits for calls, however much comes before that has no request', async () => {
    const outcome = await load('drafts/throughput.js', { traffic: namesTraffic(200) })
    assert.deepEqual(states(outcome), ['ok', 'ok'])
    assert.ok((outcome.agents[0]?.errors ?? 0) >= 200)
    assert.equal(sent(outcome, 'vendor.slackBot')[0]?.text, '"1 kinds of calls"')
  })
})

describe('dfir', { concurrency: 2 }, () => {
  test('forensics_kube.js: a field that never was, timers, and a job that runs once', async () => {
    const outcome = await load('dfir/forensics_kube.js')
    assert.equal(titleOf(outcome), 'forensics_kube')
    const lines = said(outcome, 'w1').filter((line) => line.startsWith('w1: '))
    assert.deepEqual(
      lines,
      ['began', 'ended', 'expired'].map((what) => `w1: recording ${what}: case7`),
    )
    const failed = said(outcome, 'w1').filter((line) => line.startsWith('w1 error: '))
    assert.ok(failed.length > 5)
    assert.deepEqual(
      [...new Set(failed)],
      ['w1 error: not copied: Error: file.copy: pcaps/unknown-stream.pcap: no such file or folder'],
    )
    assert.equal(outcome.agents[0]?.jobRuns, 1)
  })

  test('kube2.js: the same without catching it: one error, collapsed, and the agent goes on', async () => {
    const outcome = await load('dfir/kube2.js')
    assert.equal(titleOf(outcome), 'kube2')
    const text =
      'w1 error: onItemCaptured: Error: file.copy: pcaps/unknown-stream.pcap: no such file or folder (kube2.js:8:43)'
    assert.deepEqual(said(outcome), [text, `${text} (5 more like it)`])
    assert.deepEqual(states(outcome), ['ok', 'ok'])
  })
})

describe('examples', { concurrency: 2 }, () => {
  test('influxdb.js: status codes minute by minute, and a call without a reply is told once', async () => {
    const outcome = await load('examples/influxdb.js')
    assert.equal(titleOf(outcome), 'Aggregate the HTTP Status Codes and Push Them to InfluxDB Every Minute')
    const lines = said(outcome)
    assert.deepEqual(
      lines.filter((line) => !line.includes('TypeError')),
      ['w1: pushed {"200":3,"404":1,"500":1}', 'w1: pushed {"200":1,"500":1}'],
    )
    assert.equal(lines.filter((line) => line.includes("(reading 'status') (influxdb.js:7:30)")).length, 2)
    assert.deepEqual(sent(outcome, 'vendor.influxdb')[0]?.data, '{"200":3,"404":1,"500":1}')
  })

  test('influxdb.js: goes on counting after an outage in which it failed on each call', async () => {
    const outcome = await load('examples/influxdb.js', { traffic: outageTraffic(300) })
    assert.deepEqual(states(outcome), ['ok', 'ok'])
    assert.ok((outcome.agents[0]?.errors ?? 0) >= 300)
    assert.deepEqual(
      said(outcome).filter((line) => line.includes('pushed')),
      ['w1: pushed {"200":2}'],
    )
    assert.equal(said(outcome).filter((line) => line.includes('TypeError')).length, 2)
  })

  test('empty.js: nothing happens', async () => {
    const outcome = await load('examples/empty.js')
    assert.equal(titleOf(outcome), 'Empty')
    assert.deepEqual([said(outcome), outcome.effects], [[], []])
  })

  test('error_handling.js: a filter that cannot be read says where', async () => {
    const lines = said(await load('examples/error_handling.js'))
    assert.equal(lines.length, 45)
    assert.deepEqual([...new Set(lines)], ['w1: Caught an error! Error: 1:5: unexpected token "?"'])
  })

  test('packet_byte_counter.js: prints for each entry, and no line is missing', async () => {
    const lines = said(await load('examples/packet_byte_counter.js'))
    assert.equal(lines.length, 2 * 45)
    const packets = lines.map((line) => Number(/^w1: Captured packets: (\d+)$/.exec(line)?.[1] ?? 0))
    assert.ok(packets.reduce((sum, each) => sum + each, 0) > 90)
  })

  test('pass_fail.js: marks entries, and shows those that it fails on without a mark', async () => {
    const outcome = await load('examples/pass_fail.js', { entries: true })
    assert.equal(titleOf(outcome), 'Monitoring: Fail HTTP Status Code is 500, Pass Anything Else')
    const http = outcome.entries.filter(({ protocol }) => protocol.name === 'http')
    assert.deepEqual(
      http.map(({ response, passed, failed }) => [response?.status ?? null, passed, failed]).sort(),
      [
        [null, false, false],
        [null, false, false],
        ...Array(6).fill([200, true, false]),
        [404, true, false],
        [500, false, true],
        [500, false, true],
      ],
    )
    assert.equal(outcome.entries.length, 45)
  })

  test('print_env.js: all keys of env, as JSON, and no secret', async () => {
    const lines = said(await load('examples/print_env.js'))
    assert.deepEqual(
      lines.map((line) => Object.keys(JSON.parse(line.replace(/^\w+: /, '')))),
      [Object.keys(ENV), Object.keys(ENV)],
    )
    assert.doesNotMatch(lines.join(), /planted/)
  })

  test('slack_bot.js: bare names of env are errors that say so', async () => {
    const outcome = await load('examples/slack_bot.js')
    assert.equal(titleOf(outcome), 'Report To a Slack Channel If Status Code is 500 -')
    const text =
      'w1 error: onItemCaptured: ReferenceError: SLACK_AUTH_TOKEN is not defined; did you mean env.SLACK_AUTH_TOKEN? (slack_bot.js:8:5)'
    assert.deepEqual(said(outcome), [text, `${text} (1 more like it)`])
    assert.equal(sent(outcome, 'vendor.slackBot').length, 0)
  })

  test('webhook.js: an object arrives as JSON', async (t) => {
    const { url, seen } = await httpServer(t, (_seen, response) => response.end('thanks'))
    const outcome = await load('examples/webhook.js', { env: { WEBHOOK_URL: `${url}/hook` }, dryRun: false })
    assert.deepEqual(said(outcome), [])
    assert.deepEqual(
      seen.map(({ method, path, headers, body }) => {
        const { service, status, item } = JSON.parse(body)
        return [method, path, headers['content-type'], service, status, item.request.path]
      }),
      Array(2).fill(['POST', '/hook', 'application/json', 'shop.test', 200, '/health']),
    )
  })
})

describe('networkerrors, podtraffic and top5', { concurrency: 2 }, () => {
  test('networkerrors.js: throws on the hub, and reports on the worker', async () => {
    const outcome = await load('networkerrors/networkerrors.js')
    assert.deepEqual(
      outcome.agents.map(({ state, reason }) => [state, reason]),
      [
        ['ok', ''],
        ['not running on hub', 'for workers alone'],
      ],
    )
    assert.deepEqual(said(outcome, 'hub'), ['hub info: does not run on the hub: for workers alone'])
    const lines = said(outcome, 'w1')
    assert.equal(
      lines.at(-1),
      'w1: errors:\nerrors:\n  cart.shop.test > shop.test:\n    closed without a reply: 1\n',
    )
    assert.ok(
      lines.includes(
        "w1 error: not counted: TypeError: Cannot read properties of null (reading 'toLowerCase')",
      ),
    )
  })

  test('podtraffic.js: what was taken out of it is told each time, and it goes on', async () => {
    const outcome = await load('podtraffic/podtraffic.js')
    assert.equal(titleOf(outcome), 'Pods and what they say')
    assert.deepEqual(states(outcome), ['ok', 'ok'])
    const times = (text: string) => said(outcome).filter((line) => line === text).length
    assert.equal(times('w1 error: not sent: ReferenceError: workerDnsCounts is not defined'), 7)
    assert.equal(times('hub error: no report: ReferenceError: createReport is not defined'), 7)
    // Extra arguments of a job.
    assert.equal(times('hub: 0 pods, long: true'), 7)
  })

  test('podtraffic.js: every action of anybody fails in it, and is told once', async () => {
    const outcome = await outcomeOf(['podtraffic/podtraffic.js', 'drafts/hub-worker.js'], { env: ENV })
    assert.equal(outcome.code, 0)
    const text = 'onHubAction: ReferenceError: joinMaps is not defined (podtraffic.js:15:3)'
    assert.deepEqual(
      outcome.lines
        .filter(({ text }) => text.startsWith('onHubAction'))
        .map(({ index, text }) => [index, text]),
      [
        [0, text],
        [0, `${text} (1 more like it)`],
      ],
    )
    assert.equal(outcome.lines.filter(({ index, level }) => index === 1 && level === 'log').length, 2)
  })

  test('top5.js: top level only', async () => {
    const outcome = await load('top5/top5.js')
    assert.equal(titleOf(outcome), 'podtraffic')
    assert.deepEqual(said(outcome, 'hub'), [
      'hub: worker, which has traffic',
      'hub: fast: 0\nslow: 0\nnone: 0\n',
    ])
    assert.equal(outcome.agents[0]?.jobRuns, 0)
  })
})

describe('security, specs and telemetry', { concurrency: 2 }, () => {
  test('ns-ext-conns.js: escape bytes as they are in the file, and namespaces that are ""', async () => {
    const outcome = await load('security/ns-ext-conns.js')
    assert.equal(titleOf(outcome), 'Pods with external connections')
    assert.deepEqual(said(outcome).slice(0, 2), [
      'w1 clear: ',
      'w1: \x1b[31m/0 10.0.0.1\x1b[0m talks to shop.test',
    ])
    const blocking = await load('security/ns-ext-conns.js', {
      edit: (code) => code.replace('blocked = []', 'blocked = ["10.0.0.9"]'),
    })
    assert.ok(said(blocking).includes('w1: Blocked: blocking is disabled'))
    assert.deepEqual(states(blocking), ['ok', 'ok'])
  })

  test('helpers.js and hooks.js: comments, and hooks with nothing in them', async () => {
    for (const [path, title] of [
      ['specs/helpers.js', 'Helper: jobs.schedule'],
      ['specs/hooks.js', 'Hooks, and nothing in them'],
    ] as const) {
      const outcome = await load(path)
      assert.equal(titleOf(outcome), title)
      assert.deepEqual([said(outcome), outcome.effects, states(outcome)], [[], [], ['ok', 'ok']])
    }
  })

  test('tcphttpcompare.js: requests of TCP, and entries that are shown though nothing is returned', async () => {
    const outcome = await load('tcphttpcompare/tcphttpcompare.js', {
      entries: true,
      set: ['tap.enabledDissectors={http,tcp,dns}'],
    })
    assert.equal(titleOf(outcome), 'Requests of TCP beside those of HTTP')
    assert.equal(said(outcome).at(-1), 'w1: tcp: 8, http: 10')
    assert.equal(outcome.entries.filter(({ protocol }) => protocol.name === 'http').length, 11)
  })

  test('influx_db_kpis.js: one request a call, and none at all without env', async () => {
    const outcome = await load('telemetry/influx_db_kpis.js')
    assert.equal(sent(outcome, 'vendor.influxdb').length, 9)
    assert.equal(sent(outcome, 'vendor.influxdb')[0]?.tags, '{"service":"shop.test","path":"/health"}')
    const without = await load('telemetry/influx_db_kpis.js', { env: { INFLUXDB_TOKEN: '' } })
    assert.deepEqual(said(without), [
      'w1 error: INFLUXDB_URL and INFLUXDB_TOKEN are needed',
      'hub error: INFLUXDB_URL and INFLUXDB_TOKEN are needed',
    ])
    assert.deepEqual(without.effects, [])
  })
})

describe('utilities and others', { concurrency: 2 }, () => {
  test('logs.js: counts what the component logs, and never itself', async () => {
    const outcome = await load('utilities/logs.js')
    assert.equal(titleOf(outcome), 'Kubeshark Logs and Pod Events Report')
    const lines = said(outcome)
    assert.deepEqual(
      [...new Set(lines)],
      [
        'w1: \x1b[1mlog:\x1b[0m {"info":2} events: {}',
        'hub clear: ',
        'hub: \x1b[1mlog:\x1b[0m {"info":1} events: {}',
      ],
    )
    // What it throws is logged, too.
    const throwing = await load('utilities/logs.js', {
      edit: (code) => code.replace('JSON.parse(msg)', 'JSON.parse(msg + "}")'),
    })
    assert.match(said(throwing)[0] ?? '', /^w1 error: onLogCall: SyntaxError: /)
    assert.deepEqual(
      throwing.agents.map(({ calls, errors }) => [calls, errors]),
      [
        [3, 3],
        [1, 1],
      ],
    )
    assert.deepEqual(states(throwing), ['ok', 'ok'])
  })

  test('no-traffic-pods.js: a request at the top level, to a hub by its name in Kubernetes, and to nobody', async () => {
    const outcome = await load('utilities/no-traffic-pods.js', { dryRun: false })
    assert.equal(titleOf(outcome), 'No Traffic Pods')
    assert.deepEqual(said(outcome), ['w1: 0 pods', 'hub: 0 pods'])
    const refused = await load('utilities/no-traffic-pods.js', {
      dryRun: false,
      edit: (code) => code.replace('http://kubeshark-hub/', 'http://127.0.0.1:9/'),
    })
    assert.deepEqual(said(refused), [
      'w1 error: no pods: Error: GET 127.0.0.1:9: connection refused',
      'hub error: no pods: Error: GET 127.0.0.1:9: connection refused',
    ])
    assert.deepEqual(states(refused), ['ok', 'ok'])
  })

  test('zap.js: archives as forms, and a step of 60 seconds', async (t) => {
    const { url, seen } = await httpServer(t, (_seen, response) => response.end('{"Result":"OK"}'))
    const outcome = await load('zap-proxy/zap.js', { env: { ZAP_SERVER_URL: url }, dryRun: false })
    assert.deepEqual(said(outcome), [
      'w1 warn: wrapper.buildHAR: 2 of 7 entries are left out: 2 × no response.status',
      'w1: scanned 7: {"Result":"OK"} {"Result":"OK"}',
      'w1: scanned 2: {"Result":"OK"} {"Result":"OK"}',
    ])
    const [posted, got] = seen
    const type = String(posted?.headers['content-type'])
    const form = await new Response(posted?.body ?? '', { headers: { 'content-type': type } }).formData()
    assert.equal(JSON.parse(String(form.get('har'))).log.entries.length, 5)
    assert.equal(got?.path, '/JSON/core/view/hosts/?apikey=planted-zap')
  })

  test('zap.js: the calls of a busy minute, which are more than what crosses at once', async (t) => {
    const { url, seen } = await httpServer(t, (_seen, response) => response.end('{"Result":"OK"}'))
    const options = { env: { ZAP_SERVER_URL: url }, dryRun: false, traffic: busyTraffic(5000) }
    const outcome = await load('zap-proxy/zap.js', options)
    assert.equal(said(outcome)[0], 'w1: scanned 5000: {"Result":"OK"} {"Result":"OK"}')
    const type = String(seen[0]?.headers['content-type'])
    const form = await new Response(seen[0]?.body ?? '', { headers: { 'content-type': type } }).formData()
    const { entries } = JSON.parse(String(form.get('har'))).log as { entries: { startedDateTime: string }[] }
    assert.equal(entries.length, 5000)
    const times = entries.map(({ startedDateTime }) => startedDateTime)
    assert.deepEqual(times, times.toSorted())
  })

  test('processes.js: looks under another name than it counts', async () => {
    const outcome = await load('history/processes.js')
    assert.equal(titleOf(outcome), 'processes')
    const lines = said(outcome)
    assert.equal(lines.length, 45)
    assert.deepEqual(
      [...new Set(lines)],
      ["w1 error: TypeError: Cannot read properties of undefined (reading 'count')"],
    )
  })
})
