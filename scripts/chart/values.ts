import { z } from 'zod'
import { configSchema } from '../../src/config/schema.ts'

/** A value of the chart: what it takes, what it is when nobody says, and what it does. */
const value = <S extends z.ZodType>(schema: S, initial: z.input<S>, doc: string) =>
  schema.default(initial as never).describe(doc)
/** Values that belong together. */
const group = <F extends z.ZodRawShape>(doc: string, fields: F) =>
  z
    .strictObject(fields)
    .prefault({} as never)
    .describe(doc)

const text = z.string()
const texts = z.array(text)
const flag = z.boolean()
const count = z.number().int().nonnegative()
const port = z.number().int().min(1).max(65_535)
/** As Kubernetes has it; what is in it is checked by Kubernetes. */
const object = z.record(text, z.json())
const objects = z.array(object)
const pairs = z.record(text, text)
/** As Kubernetes has it. */
const quantity = text.regex(/^[0-9]+(\.[0-9]+)?([KMGT]i|[kMGT])?$/, 'expected a size, such as 2Gi')
const pullPolicy = z.enum(['Always', 'IfNotPresent', 'Never'])
const digest = z.string().regex(/^(sha256:[0-9a-f]{64})?$/, 'expected sha256: and 64 hexadecimal digits')

const image = (registry: string, repository: string, tag: string, tagDoc: string) => ({
  registry: value(text, registry, 'Registry, and the path in it'),
  repository: value(text, repository, 'Name of the image there'),
  tag: value(text, tag, tagDoc),
  digest: value(digest, '', 'sha256:…, which holds instead of the tag'),
  pullPolicy: value(pullPolicy, 'IfNotPresent', 'When nodes fetch it'),
})

/** What every kind of pod can be told. */
const pod = (resources: z.input<typeof object>, graceSeconds: number) => ({
  resources: value(object, resources, 'What it asks for, and what it may take'),
  nodeSelector: value(pairs, {}, 'Labels of the nodes on which it may run'),
  affinity: value(object, {}, 'Which nodes and neighbours it likes'),
  topologySpreadConstraints: value(
    objects,
    [],
    'How its pods are spread; [] = several over nodes, as far as that goes',
  ),
  priorityClassName: value(text, '', 'Who goes when there is no room'),
  labels: value(pairs, {}, 'More labels of the pods'),
  annotations: value(pairs, {}, 'More annotations of the pods'),
  env: value(objects, [], 'More environment variables, as in a container; settings are REMORA_… there'),
  volumes: value(objects, [], 'More volumes of the pods'),
  volumeMounts: value(objects, [], 'Where they are mounted'),
  terminationGracePeriodSeconds: value(count, graceSeconds, 'Time for an orderly end'),
})

const probe = (every: number, failures: number) => ({
  periodSeconds: value(count, every, 'How often, s'),
  timeoutSeconds: value(count, 5, 'Time for an answer, s'),
  failureThreshold: value(count, failures, 'Failures in a row that count'),
})

const probes = group('Probes of the container, at /healthz and /readyz of its metrics port', {
  liveness: group('Starts it again', probe(20, 6)),
  readiness: group('Takes it out of the service', probe(5, 3)),
  startup: group('Time to start in', probe(2, 60)),
})

const RESTRICTED = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
}
const USER = 65_532
const NATS_USER = 1000
const asUser = (id: number) => ({
  runAsNonRoot: true,
  runAsUser: id,
  runAsGroup: id,
  fsGroup: id,
  seccompProfile: { type: 'RuntimeDefault' },
})

const account = group('Service account of its pods', {
  create: value(flag, true, 'Make it; else it is there'),
  name: value(text, '', 'Its name; "" = one that begins with that of the release'),
  annotations: value(pairs, {}, 'Annotations, such as those for roles of clouds'),
})

/** Every value of the chart, in the order of values.yaml, which is made of this. */
export const chartValues = z.strictObject({
  global: group('For this chart and those that it may be part of', {
    imageRegistry: value(
      text,
      '',
      'Registry of all images, instead of their own: for mirrors, and without internet access',
    ),
    imagePullSecrets: value(z.array(z.union([text, object])), [], 'Secrets for it: names, or {name: …}'),
  }),
  image: group(
    'Image of hub and worker; deploy/image/build.sh builds it',
    image('', 'remora', '', 'Tag; "" = the version of the chart'),
  ),
  imagePullSecrets: value(
    z.array(z.union([text, object])),
    [],
    'Secrets for registries: names, or {name: …}',
  ),
  commonLabels: value(pairs, {}, 'Labels of everything'),
  commonAnnotations: value(pairs, {}, 'Annotations of everything'),
  config: configSchema.describe(
    'Settings of Remora, as in docs/generated/configuration.md: {tap: {namespaces: [shop]}}. What is secret in them, such as scripting.env, goes into the secret',
  ),
  auth: group('Who may use the API and the dashboard', {
    token: value(
      text.refine((token) => /^([^'\n]{16,})?$/.test(token)).meta({ pattern: "^([^'\\n]{16,})?$" }),
      '',
      'Token of the administrator; "" = one is made, and kept by upgrades',
    ),
    tokens: value(
      z.array(
        z.strictObject({
          name: text.min(1),
          role: z.enum(['viewer', 'operator', 'author', 'admin']),
          sha256: text.regex(/^[0-9a-f]{64}$/),
        }),
      ),
      [],
      'More tokens, by their SHA-256: [{name: ci, role: author, sha256: …}]',
    ),
    existingSecret: value(
      text,
      '',
      'Secret of yours with HUB_TOKEN, NATS_PASSWORD (with nats.enabled; a letter, then letters, digits, - or _) and, if you like, SCRIPTING_ENV, instead of the one of the chart: for those who render it without a cluster, as Argo CD does',
    ),
  }),
  rbac: group('Rights of the hub; workers have none', {
    create: value(flag, true, 'Make roles and bindings; else somebody else has'),
    clusterWide: value(
      flag,
      true,
      'Follow all namespaces, and nodes, by a cluster role; false: only rbac.namespaces, by roles in them, and no cluster role at all',
    ),
    namespaces: value(texts, [], 'Without clusterWide: which; [] = that of the release'),
    codeConfigMaps: value(
      texts,
      [],
      'Config maps that it may read besides its own: those that NetworkAgent resources name in codeFrom',
    ),
  }),
  hub: group('Hub: agents, their store, the API and the dashboard', {
    replicas: value(count, 1, 'Several may run, and one leads'),
    ...pod({ requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } }, 30),
    tolerations: value(objects, [], 'Taints that it bears'),
    updateStrategy: value(
      object,
      { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      'How a new version comes',
    ),
    serviceAccount: account,
    podSecurityContext: value(object, asUser(USER), 'Security of the pod'),
    securityContext: value(object, RESTRICTED, 'Security of the container'),
    probes,
    dataSize: value(
      quantity,
      '8Gi',
      'Room for captures that are uploaded, reports and what waits to be sent',
    ),
    podDisruptionBudget: group('How many pods a drain may take at a time', {
      enabled: value(flag, true, 'Make one'),
      maxUnavailable: value(z.union([count, text]), 1, 'Pods, or percent of them'),
    }),
  }),
  worker: group('Workers: one on each node, which captures there', {
    ...pod({ requests: { cpu: '100m', memory: '512Mi' }, limits: { memory: '2Gi' } }, 30),
    tolerations: value(
      objects,
      [{ operator: 'Exists' }],
      'Taints that it bears: all, so that every node is seen',
    ),
    updateStrategy: value(
      object,
      { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } },
      'How a new version comes',
    ),
    serviceAccount: account,
    hostNetwork: value(flag, true, 'Be in the network of the node: without, a worker sees its own pod alone'),
    interfaces: value(texts, ['any'], 'What to capture on'),
    filter: value(text, '', 'Capture filter (BPF), such as "not port 22"'),
    args: value(texts, [], 'More arguments of `remora worker`'),
    podSecurityContext: value(object, asUser(USER), 'Security of the pod'),
    securityContext: value(
      object,
      {
        allowPrivilegeEscalation: true,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'], add: ['NET_RAW'] },
      },
      'Security of the container: it runs as nobody; dumpcap alone gets NET_RAW, by the capability of its file, which is what allowPrivilegeEscalation is for',
    ),
    fullSandbox: value(
      flag,
      false,
      'Hold agents in the sandbox level full: as root, with SYS_ADMIN, SYS_CHROOT, SETUID, SETGID, SETPCAP and KILL besides NET_RAW, which the sandbox processes themselves give up; podSecurityContext and securityContext do not count then',
    ),
    probes,
    data: group('Where entries, packets and recordings are', {
      size: value(quantity, '12Gi', 'Size of an emptyDir, beyond which Kubernetes ends the pod'),
      hostPath: value(
        text,
        '',
        'Folder of the node instead, which outlives the pod; it has to belong to user 65532, with fullSandbox to root',
      ),
    }),
  }),
  nats: group('NATS, by which hub and workers meet', {
    enabled: value(flag, true, 'Run one; false: config.nats.url says where there is one'),
    image: group('Its image', image('docker.io/library', 'nats', '2.10-alpine', 'Tag')),
    replicas: value(z.union([z.literal(1), z.literal(3), z.literal(5)]), 1, 'Servers: 1, 3 or 5'),
    ...pod({ requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '512Mi' } }, 60),
    tolerations: value(objects, [], 'Taints that it bears'),
    podSecurityContext: value(object, asUser(NATS_USER), 'Security of the pod'),
    securityContext: value(object, RESTRICTED, 'Security of the container'),
    storage: group(
      'What it keeps: actions on their way, console lines, states of jobs; agents are not among it',
      {
        size: value(quantity, '2Gi', 'Room for it, of which NATS takes nine tenths'),
        persistent: value(flag, false, 'In a volume, which outlives the pod; false: in an emptyDir'),
        className: value(text, '', 'Storage class of the volume; "" = the default one'),
      },
    ),
    podDisruptionBudget: group('How many pods a drain may take at a time', {
      enabled: value(flag, true, 'Make one'),
      maxUnavailable: value(z.union([count, text]), 1, 'Pods, or percent of them'),
    }),
  }),
  service: group('Service of the hub: API and dashboard, one port', {
    type: value(z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']), 'ClusterIP', 'Kind of service'),
    ipFamilyPolicy: value(
      z.enum(['', 'SingleStack', 'PreferDualStack', 'RequireDualStack']),
      '',
      'Which addresses it has; "" = as the cluster gives them',
    ),
    port: value(port, 80, 'Its port'),
    nodePort: value(z.union([port, z.null()]), null, 'With NodePort: which; null = any'),
    annotations: value(pairs, {}, 'More annotations'),
  }),
  ingress: group('Way in from outside', {
    enabled: value(flag, false, 'Make one'),
    className: value(text, '', 'Which controller serves it'),
    host: value(text, '', 'Name that people use'),
    path: value(text, '/', 'Path; the dashboard wants to be at the root of a host'),
    pathType: value(
      z.enum(['Prefix', 'Exact', 'ImplementationSpecific']),
      'Prefix',
      'How paths are compared',
    ),
    tlsSecret: value(text, '', 'Secret with the certificate of the host; "" = none'),
    annotations: value(pairs, {}, 'Annotations for the controller'),
  }),
  networkPolicy: group(
    'Who may connect to hub and NATS; workers are in the network of their node, which policies do not reach',
    {
      enabled: value(flag, true, 'Make them'),
      hubFrom: value(objects, [], 'Peers that may use the API; [] = all'),
      metricsFrom: value(objects, [], 'Peers that may read metrics; [] = all'),
      natsFrom: value(
        objects,
        [],
        'Peers that may reach NATS besides the hub: the networks of your nodes, [{ipBlock: {cidr: 10.0.0.0/16}}]; [] = all, who still need its password',
      ),
    },
  ),
  monitoring: group('For the Prometheus operator and Grafana', {
    serviceMonitor: group('What Prometheus scrapes', {
      enabled: value(flag, false, 'Make a ServiceMonitor for the hub and a PodMonitor for workers'),
      interval: value(text, '30s', 'How often'),
      labels: value(pairs, {}, 'Labels by which Prometheus finds them'),
    }),
    prometheusRule: group('Alert rules', {
      enabled: value(flag, false, 'Make a PrometheusRule of files/rules.yaml'),
      labels: value(pairs, {}, 'Labels by which Prometheus finds it'),
    }),
    dashboard: group('Dashboard', {
      enabled: value(flag, false, 'Make a config map of files/dashboard.json'),
      labels: value(pairs, { grafana_dashboard: '1' }, 'Labels by which Grafana finds it'),
    }),
  }),
})
