import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { type LoadedConfig, loadConfig } from '../../src/config/index.ts'
import { hasTools } from '../../src/testing/loopback.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'
import { type Json, listOf, recordOf, textOf } from '../kube/object.ts'
import {
  CHART,
  Chart,
  containerNamed,
  containersOf,
  type Manifest,
  manifestsIn,
  objectNamed,
  podSpecs,
  type Rendering,
} from './chart.ts'
import { violations } from './pod-security.ts'
import { problemsOf } from './valid.ts'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`

/** Ways in which people install it. */
const WAYS: Readonly<Record<string, Rendering>> = {
  'as it is': {},
  'named kubeshark': { release: 'kubeshark', namespace: 'kubeshark' },
  'with the agents of a team': {
    values: {
      config: {
        scripting: { env: { SLACK: 'xoxb', LIMIT: 5 }, allowEnforcement: true, budgets: { hookMs: 50 } },
        tap: { namespaces: ['shop', 'pay'], regex: 'web-.*', misc: { jsonTTL: '1h' } },
      },
    },
  },
  'in namespaces of its own': { values: { rbac: { clusterWide: false, namespaces: ['shop', 'pay'] } } },
  'in its namespace alone': { values: { rbac: { clusterWide: false } } },
  'without internet access': {
    values: {
      global: { imageRegistry: 'mirror.example.com/hub', imagePullSecrets: ['mirror'] },
      image: { digest: DIGEST },
      nats: { image: { digest: DIGEST } },
      imagePullSecrets: [{ name: 'more' }],
      config: { internetConnectivity: false },
    },
  },
  'with a NATS that is there': {
    values: {
      nats: { enabled: false },
      config: {
        nats: { url: 'nats://nats.infra:4222', user: 'remora', password: 'secret', replicas: 3 },
        entries: { store: 'clickhouse', clickhouse: { url: 'http://ch:8123', password: 'hush' } },
      },
    },
  },
  'never down': {
    values: {
      hub: {
        replicas: 3,
        topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }],
      },
      nats: { replicas: 3, storage: { persistent: true, className: 'fast' } },
    },
  },
  'open to people': {
    values: {
      service: { type: 'LoadBalancer', port: 443, annotations: { 'lb.example.com/internal': 'true' } },
      ingress: { enabled: true, host: 'remora.example.com', className: 'nginx', tlsSecret: 'remora-tls' },
      auth: {
        token: 'a token of the company',
        tokens: [{ name: 'ci', role: 'author', sha256: 'ab'.repeat(32) }],
      },
    },
  },
  'with a certificate of the hub, on two kinds of addresses': {
    values: {
      config: { hub: { tls: { cert: '/tls/tls.crt', key: '/tls/tls.key' } } },
      hub: {
        volumes: [{ name: 'tls', secret: { secretName: 'remora-tls' } }],
        volumeMounts: [{ name: 'tls', mountPath: '/tls', readOnly: true }],
      },
      service: { ipFamilyPolicy: 'PreferDualStack' },
    },
  },
  'in a network of its own': { values: { worker: { hostNetwork: false }, nats: { replicas: 3 } } },
  'on OpenShift': {
    values: Object.fromEntries(
      ['hub', 'nats'].map((component) => [
        component,
        { podSecurityContext: { runAsUser: null, runAsGroup: null, fsGroup: null } },
      ]),
    ),
  },
  'by Argo CD': { values: { auth: { existingSecret: 'mine' } } },
  monitored: {
    values: {
      monitoring: {
        serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
        prometheusRule: { enabled: true },
        dashboard: { enabled: true },
      },
      commonLabels: { team: 'net' },
      commonAnnotations: { owner: 'net@example.com' },
    },
  },
  'placed with care': {
    values: Object.fromEntries(
      ['hub', 'worker', 'nats'].map((component) => [
        component,
        {
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          affinity: { nodeAffinity: {} },
          tolerations: [{ key: 'net', operator: 'Exists' }],
          priorityClassName: 'system-node-critical',
          labels: { tier: 'infra' },
          annotations: { 'sidecar.istio.io/inject': 'false' },
          env: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.pem' }],
          volumes: [{ name: 'ca', configMap: { name: 'ca' } }],
          volumeMounts: [{ name: 'ca', mountPath: '/ca' }],
        },
      ]),
    ),
  },
  'with the strictest sandbox, on a folder of the node': {
    values: {
      worker: {
        fullSandbox: true,
        data: { hostPath: '/var/lib/remora' },
        interfaces: ['eth0', 'lo'],
        filter: 'not port 22',
      },
    },
  },
  'with policies for who may connect': {
    values: {
      networkPolicy: {
        hubFrom: [{ namespaceSelector: { matchLabels: { team: 'net' } } }],
        metricsFrom: [{ namespaceSelector: {} }],
        natsFrom: [{ ipBlock: { cidr: '10.0.0.0/16' } }],
      },
    },
  },
  'with rights from elsewhere': {
    values: {
      rbac: { create: false },
      hub: { serviceAccount: { create: false, name: 'theirs' } },
      worker: { serviceAccount: { create: false } },
      networkPolicy: { enabled: false },
    },
  },
}

describe('the chart', () => {
  test('has nothing that Helm objects to, and is packed', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    assert.match(await chart.helm(['lint', '--strict', CHART]), /1 chart\(s\) linted, 0 chart\(s\) failed/)
    const folder = await tempFolder(t)
    await chart.helm(['package', CHART, '-d', folder])
    const packed = join(folder, `remora-${textOf((await packageOf()).version)}.tgz`)
    const rendered = await chart.helm(['template', 'remora', packed])
    assert.match(rendered, /kind: DaemonSet/)
    assert.match(await chart.helm(['show', 'values', packed]), /^# Values of the chart/)
  })

  test('has the version of Remora', async () => {
    const { version } = await packageOf()
    const about = await readFile(join(CHART, 'Chart.yaml'), 'utf8')
    assert.match(about, new RegExp(`^version: ${version}$`, 'm'))
    assert.match(about, new RegExp(`^appVersion: ${version}$`, 'm'))
  })

  for (const [way, rendering] of Object.entries(WAYS))
    test(`makes what Kubernetes takes: ${way}`, async (t) => {
      const chart = await Chart.open(t)
      if (chart === undefined) return
      const manifests = await chart.render(rendering)
      const { release = 'remora', namespace = 'net' } = rendering
      assert.deepEqual((await Promise.all(manifests.map(problemsOf))).flat(), [])
      for (const { kind, metadata } of manifests) {
        assert.match(
          metadata.name,
          new RegExp(`^(${namespace}-)?${release}($|-)`),
          `${kind} ${metadata.name}`,
        )
        assert.equal(recordOf(metadata.labels)['app.kubernetes.io/instance'], release)
      }
      const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`)
      assert.equal(new Set(names).size, names.length, 'no two of one name')
      assert.deepEqual(
        manifests.filter((each) => JSON.stringify(each).includes('SCRIPTING_SCRIPTS')),
        [],
        'agents are none of its business',
      )
      for (const { name, spec } of podSpecs(manifests)) {
        const found = violations(spec)
        if (name !== `DaemonSet ${release}-worker`) assert.deepEqual(found, [], name)
        const isHub = name === `Deployment ${release}-hub`
        assert.equal(spec.automountServiceAccountToken, isHub, `${name}: only the hub has a token`)
        assert.equal(spec.enableServiceLinks, false, name)
        for (const container of containersOf(spec)) {
          assert.equal(recordOf(container.securityContext).readOnlyRootFilesystem, true, name)
          assert.ok(recordOf(recordOf(container.resources).limits).memory, name)
        }
      }
    })

  test('lets the container that captures do that, and nothing else', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    const worker = async (values: object) => violations(workerOf(await chart.render({ values })))
    const network = [
      'hostNetwork',
      'worker: allowPrivilegeEscalation',
      'worker: capability NET_RAW',
      'worker: hostPort',
    ]
    assert.deepEqual(await worker({}), network)
    assert.deepEqual(await worker({ worker: { hostNetwork: false } }), network.slice(1, 3))
    assert.deepEqual(await worker({ worker: { data: { hostPath: '/var/lib/remora' } } }), [
      'hostNetwork',
      'volume data is hostPath',
      ...network.slice(1),
    ])
    assert.deepEqual(await worker({ worker: { fullSandbox: true } }), [
      'hostNetwork',
      'worker: runAsUser 0',
      'worker: runAsNonRoot',
      ...['NET_RAW', 'SYS_ADMIN', 'SYS_CHROOT', 'SETUID', 'SETGID', 'SETPCAP', 'KILL'].map(
        (each) => `worker: capability ${each}`,
      ),
      'worker: hostPort',
    ])
  })

  test('takes all images from where they are said to be', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    const images = async (values: object) => {
      const specs = podSpecs(await chart.render({ values }))
      return [...new Set(specs.flatMap(({ spec }) => containersOf(spec).map(({ image }) => image)))].sort()
    }
    const { version } = await packageOf()
    assert.deepEqual(await images({}), ['docker.io/library/nats:2.10-alpine', `remora:${version}`])
    assert.deepEqual(await images({ image: { registry: 'r.example.com/x/', tag: 'v2' } }), [
      'docker.io/library/nats:2.10-alpine',
      'r.example.com/x/remora:v2',
    ])
    const digests = { image: { digest: DIGEST }, nats: { image: { digest: DIGEST } } }
    assert.deepEqual(await images({ ...digests, global: { imageRegistry: 'mirror' } }), [
      `mirror/nats@${DIGEST}`,
      `mirror/remora@${DIGEST}`,
    ])
  })

  test('gives programs settings that they understand, and no secrets where everybody may read them', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    for (const way of [
      'as it is',
      'with the agents of a team',
      'with a NATS that is there',
      'open to people',
    ]) {
      const manifests = await chart.render(WAYS[way])
      const hub = await loaded(manifests, 'hub', await tempFolder(t))
      assert.equal(hub.config.hub.store, 'configmap', way)
      assert.equal(hub.config.hub.metricsHost, '10.1.2.3')
      assert.equal(hub.config.tap.proxy.host, '::')
      assert.equal(hub.config.hub.tokens[0]?.role, 'admin')
      assert.ok((hub.config.hub.tokens[0]?.token ?? '').length >= 16)
      const worker = await loaded(manifests, 'worker', await tempFolder(t))
      assert.deepEqual(worker.config.hub.tokens, [], 'a worker has no token of the hub')
      assert.equal(worker.config.node.name, 'a-node')
      assert.equal(worker.config.tap.metrics.host, '10.1.2.3')
      assert.deepEqual(worker.config.scripting.env, hub.config.scripting.env)
      const { data } = objectNamed(manifests, 'ConfigMap', 'remora-settings')
      assert.doesNotMatch(JSON.stringify(data), /xoxb|hush|password/)
    }
    const team = await loaded(
      await chart.render(WAYS['with the agents of a team']),
      'worker',
      await tempFolder(t),
    )
    assert.deepEqual(team.config.scripting.env, { SLACK: 'xoxb', LIMIT: 5 })
    assert.deepEqual(team.config.tap.namespaces, ['shop', 'pay'])
    const elsewhere = await loaded(
      await chart.render(WAYS['with a NATS that is there']),
      'hub',
      await tempFolder(t),
    )
    assert.equal(elsewhere.config.nats.password, 'secret')
    assert.equal(elsewhere.config.entries.clickhouse.password, 'hush')
    const people = await loaded(await chart.render(WAYS['open to people']), 'hub', await tempFolder(t))
    assert.deepEqual(
      people.config.hub.tokens.map(({ name, role }) => [name, role]),
      [
        ['admin', 'admin'],
        ['ci', 'author'],
      ],
    )
    assert.equal(people.config.hub.tokens[0]?.token, 'a token of the company')
  })

  test('says what is wrong with values, before anything is installed', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    const refused: readonly (readonly [object, RegExp])[] = [
      [
        { config: { tap: { regexp: 'x' } } },
        /at '\/config\/tap': additional properties 'regexp' not allowed/,
      ],
      [{ tap: { regex: 'x' } }, /additional properties 'tap' not allowed/],
      [
        { config: { logLevel: 'loud' } },
        /at '\/config\/logLevel': value must be one of 'debug', 'info', 'warning', 'error'/,
      ],
      [
        { config: { tap: { misc: { jsonTTL: 'soon' } } } },
        /at '\/config\/tap\/misc\/jsonTTL': 'soon' does not match pattern/,
      ],
      [{ image: { digest: 'latest' } }, /at '\/image\/digest': 'latest' does not match pattern/],
      [{ hub: { replicas: -1 } }, /at '\/hub\/replicas': minimum: got -1, want 0/],
      [{ nats: { replicas: 2 } }, /at '\/nats\/replicas'/],
      [{ auth: { token: 'short' } }, /at '\/auth\/token': 'short' does not match pattern/],
      [
        { config: { scripting: { enforcement: { owner: 'mine' } } } },
        /config.scripting.enforcement.owner is the role that the chart makes: leave it out/,
      ],
      [{ nats: { enabled: false } }, /nats.enabled is false, so say where NATS is: config.nats.url/],
      [
        { config: { hub: { tokens: [{ name: 'me', role: 'admin', token: 'sixteen characters' }] } } },
        /config.hub.tokens would be read by everybody who may read config maps: use auth.token/,
      ],
      [
        {
          auth: { existingSecret: 'mine' },
          config: { scripting: { env: { A: 'b' } }, nats: { token: 'c' } },
        },
        /auth.existingSecret is set, so put these there: REMORA_NATS_TOKEN, SCRIPTING_ENV/,
      ],
      [
        { nats: { enabled: false }, config: { nats: { url: 'nats://a:4222,nats://me:hush@b:4222' } } },
        /config\.nats\.url has a password.*use config\.nats\.user and config\.nats\.password/,
      ],
      [
        { config: { entries: { clickhouse: { url: 'http://me:hush@ch:8123' } } } },
        /config\.entries\.clickhouse\.url has a password/,
      ],
      [
        { config: { kubernetes: { namespaces: ['shop'] } } },
        /config\.kubernetes\.namespaces goes with rights .*: say rbac\.clusterWide=false and rbac\.namespaces/,
      ],
      [{ auth: { token: "it's longer than that" } }, /at '\/auth\/token': .* does not match pattern/],
      [{ worker: { data: { size: 'lots' } } }, /at '\/worker\/data\/size': 'lots' does not match pattern/],
      [{ nats: { storage: { size: '2GB' } } }, /at '\/nats\/storage\/size': '2GB' does not match pattern/],
      ...['12345678', 'abc#defgh', 'true', 'p@ssword'].map(
        (password) =>
          [{ config: { nats: { password } } }, /config\.nats\.password has to begin with a letter/] as const,
      ),
      [{ ingress: { enabled: true, tlsSecret: 'x' } }, /name the host of the certificate: ingress.host/],
    ]
    for (const [values, said] of refused) assert.match(await chart.refusal(values), said)
  })

  test('takes names of releases with which those of services may begin', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    for (const release of ['1st', 'a.b', 'x'.repeat(48)])
      await assert.rejects(
        chart.render({ release }),
        /that of the release, ".*": it has to begin with a letter/,
      )
    const manifests = await chart.render({ release: 'x'.repeat(47), values: WAYS.monitored?.values ?? {} })
    const labels = manifests.filter(({ kind }) => ['Service', 'StatefulSet'].includes(kind))
    for (const { kind, metadata } of labels)
      assert.ok(metadata.name.length <= (kind === 'Service' ? 63 : 52), metadata.name)
  })

  test('gives NATS a configuration that it takes, with the password of the secret', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined || !hasTools(t, 'nats-server')) return
    for (const replicas of [1, 3]) {
      const manifests = await chart.render({ values: { nats: { replicas } } })
      const { data } = objectNamed(manifests, 'ConfigMap', 'remora-nats')
      const file = join(await tempFolder(t), 'nats.conf')
      await writeFile(file, textOf(recordOf(data)['nats.conf']))
      const env = {
        ...process.env,
        POD_NAME: 'remora-nats-0',
        NATS_PASSWORD: secretOf(manifests, 'NATS_PASSWORD'),
      }
      await promisify(execFile)('nats-server', ['-t', '-c', file], { env })
      assert.match(textOf(recordOf(data)['nats.conf']), /max_file_store: 1932735283 \}/)
      const spec = podSpecs(manifests).find(({ name }) => name === 'StatefulSet remora-nats')?.spec ?? {}
      const { command } = containerNamed(spec, 'nats')
      const routes = listOf(command)
        .map(textOf)
        .join(' ')
        .match(/nats:\/\/remora:\$\(NATS_PASSWORD\)@remora-nats-\d\.remora-nats-peers:6222/g)
      assert.equal(routes?.length ?? 0, replicas === 1 ? 0 : 3)
    }
  })

  test('starts again what has read what changes, and nothing else', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    const checksums = async (values: object) => {
      const manifests = await chart.render({ values })
      return Object.fromEntries(
        ['Deployment remora-hub', 'DaemonSet remora-worker', 'StatefulSet remora-nats'].map((which) => {
          const [kind = '', name = ''] = which.split(' ')
          const { template } = recordOf(objectNamed(manifests, kind, name).spec)
          return [
            name.slice('remora-'.length),
            JSON.stringify(recordOf(recordOf(template).metadata).annotations),
          ]
        }),
      )
    }
    const before = await checksums({})
    assert.deepEqual(await checksums({ service: { port: 8080 } }), before)
    const changed = async (values: object) => {
      const after = await checksums(values)
      return Object.keys(before).filter((name) => after[name] !== before[name])
    }
    assert.deepEqual(await changed({ auth: { token: 'one of our own, for all' } }), ['hub'])
    assert.deepEqual(await changed({ config: { nats: { password: 'changed-password' } } }), [
      'hub',
      'worker',
      'nats',
    ])
    assert.deepEqual(await changed({ nats: { storage: { size: '4Gi' } } }), ['nats'])
    assert.deepEqual(await changed({ config: { tap: { regex: 'web' } } }), ['hub', 'worker'])
  })

  test('lets NATS run on when Remora gets a new version, with the actions that are on their way', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    const newer = join(await tempFolder(t), 'remora')
    await cp(CHART, newer, { recursive: true })
    const about = await readFile(join(newer, 'Chart.yaml'), 'utf8')
    await writeFile(join(newer, 'Chart.yaml'), about.replaceAll(/ersion: [\d.]+$/gm, 'ersion: 9.8.7'))
    const password = ['--set', 'config.nats.password=one-for-both']
    const [before, after] = await Promise.all(
      [CHART, newer].map(async (folder) =>
        manifestsIn(await chart.helm(['template', 'remora', folder, ...password])),
      ),
    )
    const template = (manifests: readonly Manifest[] = [], kind: string, name: string) =>
      recordOf(objectNamed(manifests, kind, name).spec).template
    assert.deepEqual(
      template(after, 'StatefulSet', 'remora-nats'),
      template(before, 'StatefulSet', 'remora-nats'),
    )
    assert.match(JSON.stringify(template(after, 'Deployment', 'remora-hub')), /"image":"remora:9\.8\.7"/)
  })

  test('keeps several hubs and servers of NATS on nodes of their own, unless it is told otherwise', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    const spreads = async (values: object) =>
      podSpecs(await chart.render({ values })).flatMap(({ name, spec }) =>
        listOf(spec.topologySpreadConstraints)
          .map(recordOf)
          .map(({ topologyKey, labelSelector }) => [
            name,
            topologyKey,
            recordOf(recordOf(labelSelector).matchLabels)['app.kubernetes.io/component'],
          ]),
      )
    assert.deepEqual(await spreads({}), [])
    assert.deepEqual(await spreads({ hub: { replicas: 2 }, nats: { replicas: 3 } }), [
      ['Deployment remora-hub', 'kubernetes.io/hostname', 'hub'],
      ['StatefulSet remora-nats', 'kubernetes.io/hostname', 'nats'],
    ])
    const own = [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }]
    assert.deepEqual(await spreads({ hub: { replicas: 2, topologySpreadConstraints: own } }), [
      ['Deployment remora-hub', 'zone', 'hub'],
    ])
  })

  test('lets those connect who have to, whatever else is said', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    const policies = async (values: object) => {
      const manifests = await chart.render({ values })
      return (name: string) => recordOf(objectNamed(manifests, 'NetworkPolicy', name).spec)
    }
    const from = (spec: Json, port: number) => {
      const rule = listOf(spec.ingress)
        .map(recordOf)
        .find(({ ports }) => listOf(ports).some((each) => recordOf(each).port === port))
      return rule && listOf(rule.from).map(peerOf)
    }
    const alone = (await policies({}))('remora-nats')
    assert.deepEqual([from(alone, 4222), from(alone, 6222), alone.egress], [[], undefined, []])
    const natsFrom = [{ ipBlock: { cidr: '10.0.0.0/16' } }]
    const fenced = await policies({
      nats: { replicas: 3 },
      worker: { hostNetwork: false },
      networkPolicy: { natsFrom, metricsFrom: [{ podSelector: {} }] },
    })
    assert.deepEqual(from(fenced('remora-nats'), 4222), ['hub', 'worker', '10.0.0.0/16'])
    assert.deepEqual(from(fenced('remora-nats'), 6222), ['nats'])
    assert.deepEqual(from(fenced('remora-worker'), 49_100), [''])
    assert.deepEqual(listOf(fenced('remora-nats').egress).length, 2)
  })

  test('tells who forwards the port of a hub that it has a certificate', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    const ways: readonly (readonly [object, string])[] = [
      [{}, 'api'],
      [{ cert: '/tls/tls.crt', key: '/tls/tls.key' }, 'https'],
    ]
    for (const [tls, name] of ways) {
      const manifests: readonly Manifest[] = await chart.render({ values: { config: { hub: { tls } } } })
      const hub = podSpecs(manifests).find((each) => each.name === 'Deployment remora-hub')?.spec ?? {}
      assert.equal(recordOf(listOf(containerNamed(hub, 'hub').ports)[0]).name, name)
      const [port] = listOf(recordOf(objectNamed(manifests, 'Service', 'remora-hub').spec).ports)
      assert.deepEqual([recordOf(port).name, recordOf(port).targetPort], ['api', name])
    }
  })

  test('tells Prometheus where the metrics of the hub and of workers are', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    const manifests = await chart.render(WAYS.monitored)
    const monitor = recordOf(objectNamed(manifests, 'ServiceMonitor', 'remora-hub').spec)
    const service = objectNamed(manifests, 'Service', 'remora-hub-metrics')
    const wanted = Object.entries(recordOf(recordOf(monitor.selector).matchLabels))
    assert.ok(wanted.every(([key, value]) => recordOf(service.metadata.labels)[key] === value))
    assert.equal(recordOf(listOf(recordOf(service.spec).ports)[0]).name, 'metrics')
    objectNamed(manifests, 'PodMonitor', 'remora-worker')
  })

  test('gives programs the time that they take to end', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    const specs = podSpecs(await chart.render())
    const hub = specs.find(({ name }) => name === 'Deployment remora-hub')?.spec ?? {}
    const worker = specs.find(({ name }) => name === 'DaemonSet remora-worker')?.spec ?? {}
    const [, seconds] = listOf(
      recordOf(recordOf(recordOf(containerNamed(hub, 'hub').lifecycle).preStop).exec).command,
    )
    // Programs end after 20 s at the latest (src/cli/shutdown.ts).
    assert.ok(Number(hub.terminationGracePeriodSeconds) > Number(seconds) + 20)
    assert.ok(Number(worker.terminationGracePeriodSeconds) > 20)
  })

  test('lets nodes be drained whose pods are not well', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    const manifests = await chart.render()
    for (const name of ['remora-hub', 'remora-nats'])
      assert.deepEqual(
        { ...recordOf(objectNamed(manifests, 'PodDisruptionBudget', name).spec), selector: '' },
        { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: '' },
      )
    // Which knows no such field.
    const old = await chart.helm(['template', 'remora', CHART, '--kube-version', '1.25.0'])
    assert.doesNotMatch(old, /unhealthyPodEvictionPolicy/)
  })

  test('goes on to the next server of NATS when the one before has everything', async (t) => {
    const chart = await Chart.open(t)
    if (chart === undefined) return
    const manifests = await chart.render({ values: { nats: { replicas: 3 } } })
    const nats = podSpecs(manifests).find(({ name }) => name === 'StatefulSet remora-nats')?.spec ?? {}
    const path = (probe: string) => {
      const { httpGet } = recordOf(containerNamed(nats, 'nats')[probe])
      return recordOf(httpGet).path
    }
    assert.deepEqual(['startupProbe', 'livenessProbe', 'readinessProbe'].map(path), [
      '/healthz',
      '/healthz?js-enabled-only=true',
      '/healthz?js-enabled-only=true',
    ])
  })

  test('tells each value what it is for', async () => {
    const lines = (await readFile(join(CHART, 'values.yaml'), 'utf8')).split('\n')
    const bare = lines.filter(
      (line, at) =>
        /^( {2})*[a-zA-Z]+:/.test(line) && !/^ *#/.test(lines[at - 1] ?? '') && !isInValue(lines, at),
    )
    assert.deepEqual(bare, [])
  })
})

/** The component, or the network. */
function peerOf(peer: unknown): unknown {
  const { podSelector, ipBlock } = recordOf(peer)
  if (ipBlock !== undefined) return recordOf(ipBlock).cidr
  return recordOf(recordOf(podSelector).matchLabels)['app.kubernetes.io/component'] ?? ''
}

/** Whether a line is part of a value that is an object: something less indented, without a section's comments, holds it. */
function isInValue(lines: readonly string[], at: number): boolean {
  const indent = (line: string) => line.length - line.trimStart().length
  const own = indent(lines[at] ?? '')
  const holder = lines
    .slice(0, at)
    .findLastIndex((line) => line !== '' && indent(line) < own && !line.trimStart().startsWith('#'))
  return holder >= 0 && !(lines[holder + 1] ?? '').trimStart().startsWith('#')
}

function workerOf(manifests: readonly Manifest[]): Json {
  return podSpecs(manifests).find(({ name }) => name.startsWith('DaemonSet'))?.spec ?? {}
}

function secretOf(manifests: readonly Manifest[], key: string): string {
  const secrets = manifests.filter(({ kind }) => kind === 'Secret')
  const value = secrets.map(({ data }) => recordOf(data)[key]).find((each) => each !== undefined)
  return Buffer.from(textOf(value), 'base64').toString()
}

/** The settings as a program in its pod would have them, with what Kubernetes puts into its variables. */
async function loaded(
  manifests: readonly Manifest[],
  component: 'hub' | 'worker',
  folder: string,
): Promise<LoadedConfig> {
  const spec = podSpecs(manifests).find(({ name }) => name.endsWith(`-${component}`))?.spec ?? {}
  const fields: Readonly<Record<string, string>> = { 'status.podIP': '10.1.2.3', 'spec.nodeName': 'a-node' }
  const env: Record<string, string> = {}
  for (const { name, value, valueFrom } of listOf(containerNamed(spec, component).env).map(recordOf)) {
    const { fieldRef, secretKeyRef } = recordOf(valueFrom)
    const found =
      value !== undefined
        ? textOf(value).replace(/\$\((\w+)\)/g, (_, other: string) => env[other] ?? '')
        : fieldRef !== undefined
          ? fields[textOf(recordOf(fieldRef).fieldPath)]
          : secretOf(manifests, textOf(recordOf(secretKeyRef).key))
    env[textOf(name)] = found ?? ''
  }
  const file = join(folder, 'remora.yaml')
  await writeFile(
    file,
    textOf(recordOf(objectNamed(manifests, 'ConfigMap', 'remora-settings').data)['remora.yaml']),
  )
  return loadConfig({ cwd: folder, home: undefined, env, configPath: file })
}

async function packageOf(): Promise<Json> {
  return recordOf(JSON.parse(await readFile(join(CHART, '../../../package.json'), 'utf8')))
}
