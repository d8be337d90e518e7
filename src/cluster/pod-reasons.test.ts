import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type ClusterObject, clusterObject, type PodReason, podReason as schema } from '../wire/cluster.ts'
import { podReason } from './pod-reasons.ts'

interface Container {
  readonly name?: string
  readonly restarts?: number
  readonly state?: unknown
  readonly last?: unknown
}

const id = (run: number) => `containerd://${run.toString(16).padStart(64, '0')}`

/** As the kubelet tells it; runs of a container count from 1. */
const running = (run = 1) => ({ running: { startedAt: `2026-11-28T10:0${run}:00Z` }, run })
const ended = (exitCode: number, run = 1, reason = exitCode === 0 ? 'Completed' : 'Error') => ({
  terminated: {
    containerID: id(run),
    exitCode,
    reason,
    startedAt: `2026-11-28T10:0${run}:00Z`,
    finishedAt: `2026-11-28T10:0${run}:30Z`,
  },
})
const backOff = {
  waiting: {
    reason: 'CrashLoopBackOff',
    message: 'back-off 10s restarting failed container=cart pod=cart-7d4b_shop(uid)',
  },
}

function status({ name = 'cart', restarts = 0, state = running(), last = {} }: Container) {
  return {
    name,
    image: 'registry.example/cart:1',
    ready: false,
    restartCount: restarts,
    state,
    lastState: last,
  }
}

function pod(
  phase: string,
  containers: readonly Container[],
  more: { metadata?: object; spec?: object; status?: object } = {},
): ClusterObject {
  return clusterObject.parse({
    metadata: {
      name: 'cart-7d4b',
      namespace: 'shop',
      uid: '0b5f3c1e-1111',
      resourceVersion: '1',
      ...more.metadata,
    },
    spec: { nodeName: 'node-1', containers: [{ name: 'cart' }], ...more.spec },
    status: { phase, containerStatuses: containers.map(status), ...more.status },
  })
}

const unscheduled = pod('Pending', [], { spec: { nodeName: undefined } })
const scheduled = pod('Pending', [])
const creating = pod('Pending', [{ state: { waiting: { reason: 'ContainerCreating' } } }])
const up = pod('Running', [{}])
const crashed = pod('Running', [{ state: ended(1) }])
const backingOff = pod('Running', [{ state: backOff, last: ended(1) }])
const upAgain = pod('Running', [{ restarts: 1, state: running(2), last: ended(1) }])
const deletion = {
  metadata: { deletionTimestamp: '2026-11-28T10:05:30Z', deletionGracePeriodSeconds: 30 },
}
const disrupted = (reason: string) => ({
  status: { conditions: [{ type: 'DisruptionTarget', status: 'True', reason }] },
})
const init = (state: unknown) =>
  pod('Pending', [], { status: { initContainerStatuses: [status({ name: 'migrate', state })] } })
const debugged = (state: unknown) =>
  pod('Running', [{}], { status: { ephemeralContainerStatuses: [status({ name: 'debugger', state })] } })

const sidecar = (state: unknown) => ({
  status: { initContainerStatuses: [status({ name: 'proxy', state })] },
})
const mirror = (uid: string, more: { status?: object } = {}) =>
  pod('Running', [{ restarts: 1, state: running(2), last: ended(1) }], {
    ...more,
    metadata: {
      uid,
      annotations: { 'kubernetes.io/config.mirror': 'c0ffee', 'kubernetes.io/config.hash': 'c0ffee' },
    },
  })
const byKubelet = {
  conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' }],
}
const unknown = (exitCode: number, reason: string) => ended(exitCode, 1, reason)

const cases: readonly [what: string, ClusterObject | undefined, ClusterObject, string][] = [
  ['what is there at the start', undefined, crashed, ''],
  ['the same again', crashed, crashed, ''],
  ['a pod gets a node', unscheduled, scheduled, 'scheduled'],
  ['a node and running between two looks', unscheduled, up, 'started'],
  ['containers are made', scheduled, creating, ''],
  ['its containers run', creating, up, 'started'],
  ['a node that was away is back', pod('Unknown', [{}]), up, ''],
  ['a container exits with 1', up, crashed, 'crash cart'],
  ['a container dies of a signal', up, pod('Running', [{ state: ended(139) }]), 'crash cart'],
  [
    'a signal without an exit code',
    up,
    pod('Running', [{ state: { terminated: { signal: 11, exitCode: 0 } } }]),
    'crash cart',
  ],
  ['the back-off after a crash that was told', crashed, backingOff, ''],
  ['the back-off after a crash that nobody saw', up, backingOff, 'crash cart'],
  ['a back-off without a word on the death', up, pod('Running', [{ state: backOff }]), 'crash cart'],
  [
    'a back-off after runs that ended well',
    pod('Running', [{ state: ended(0) }]),
    pod('Running', [{ state: backOff, last: ended(0) }]),
    'crash cart',
  ],
  [
    'the same back-off, longer',
    backingOff,
    pod('Running', [{ state: backOff, last: ended(1), restarts: 0 }]),
    '',
  ],
  ['a restart after a crash that was told', crashed, upAgain, 'restart cart'],
  ['a restart after the back-off', backingOff, upAgain, 'restart cart'],
  ['a crash and the restart in one', up, upAgain, 'crash cart'],
  [
    'a second crash of the same kind',
    upAgain,
    pod('Running', [{ restarts: 1, state: ended(1, 2), last: ended(1) }]),
    'crash cart',
  ],
  [
    'a count that jumps',
    up,
    pod('Running', [{ restarts: 4, state: running(5), last: ended(2, 4) }]),
    'crash cart',
  ],
  [
    'a count that jumps, without a word on the deaths',
    up,
    pod('Running', [{ restarts: 4, state: running(5) }]),
    'restart cart',
  ],
  [
    'a count that begins anew',
    pod('Running', [{ restarts: 4, state: running(5) }]),
    pod('Running', [{ restarts: 0, state: running(5) }]),
    '',
  ],
  [
    'a restart after a run that ended well',
    up,
    pod('Running', [{ restarts: 1, state: running(2), last: ended(0) }]),
    'restart cart',
  ],
  ['out of memory, in state', up, pod('Running', [{ state: ended(137, 1, 'OOMKilled') }]), 'oom cart'],
  [
    'out of memory, in lastState',
    up,
    pod('Running', [{ restarts: 1, state: running(2), last: ended(137, 1, 'OOMKilled') }]),
    'oom cart',
  ],
  [
    'the restart after out of memory',
    pod('Running', [{ state: ended(137, 1, 'OOMKilled') }]),
    pod('Running', [{ restarts: 1, state: running(2), last: ended(137, 1, 'OOMKilled') }]),
    'restart cart',
  ],
  [
    'one crash, and another one out of memory',
    pod('Running', [{}, { name: 'proxy' }]),
    pod('Running', [{ state: ended(1) }, { name: 'proxy', state: ended(137, 1, 'OOMKilled') }]),
    'oom proxy',
  ],
  [
    'the second of two crashes',
    pod('Running', [{}, { name: 'proxy' }]),
    pod('Running', [{}, { name: 'proxy', state: ended(1) }]),
    'crash proxy',
  ],
  [
    'evicted by the kubelet, which ends its containers',
    up,
    pod('Failed', [{ state: ended(137) }], {
      status: { reason: 'Evicted', message: 'The node was low on resource: memory.' },
    }),
    'evicted',
  ],
  [
    'evicted, then removed',
    pod('Failed', [], { status: { reason: 'Evicted' } }),
    pod('Failed', [], { ...deletion, status: { reason: 'Evicted' } }),
    'terminating',
  ],
  [
    'evicted by the API',
    up,
    pod('Running', [{}], { ...deletion, ...disrupted('EvictionByEvictionAPI') }),
    'evicted',
  ],
  ['evicted by a taint', up, pod('Running', [{}], disrupted('DeletionByTaintManager')), 'evicted'],
  ['preempted by the scheduler', up, pod('Running', [{}], disrupted('PreemptionByScheduler')), 'evicted'],
  [
    'a disruption that did not come',
    up,
    pod('Running', [{}], { status: { conditions: [{ type: 'DisruptionTarget', status: 'False' }] } }),
    '',
  ],
  [
    'evicted by the kubelet, while its containers are being ended',
    up,
    pod('Running', [{}], { status: byKubelet }),
    'evicted',
  ],
  [
    'containers that end as their pod was evicted',
    pod('Running', [{}], { status: byKubelet }),
    pod('Failed', [{ state: ended(137) }], { status: { ...byKubelet, reason: 'Evicted' } }),
    '',
  ],
  [
    'evicted, then deleted by the garbage collector',
    pod('Failed', [{ state: ended(137) }], { status: { ...byKubelet, reason: 'Evicted' } }),
    pod('Failed', [{ state: ended(137) }], { ...deletion, status: { ...byKubelet, reason: 'Evicted' } }),
    'terminating',
  ],
  [
    'its node is shut down',
    up,
    pod('Failed', [{ state: ended(143) }], {
      status: {
        reason: 'Terminated',
        message: 'Pod was terminated in response to imminent node shutdown.',
      },
    }),
    'evicted',
  ],
  [
    'its deadline is over',
    up,
    pod('Failed', [{ state: ended(137) }], {
      status: {
        reason: 'DeadlineExceeded',
        message: 'Pod was active on the node longer than the specified deadline',
      },
    }),
    'terminating',
  ],
  [
    'a node that started again does not know how its containers ended',
    up,
    pod('Running', [{ restarts: 1, state: running(2), last: unknown(255, 'Unknown') }]),
    'restart cart',
  ],
  [
    'a container that the kubelet finds gone',
    up,
    pod('Running', [{ state: unknown(137, 'ContainerStatusUnknown') }]),
    '',
  ],
  [
    'an end that was told, forgotten, and is told again',
    pod('Running', [{ restarts: 1, state: running(2) }]),
    pod('Running', [{ restarts: 1, state: running(2), last: ended(1) }]),
    '',
  ],
  [
    'a crash and a restart within one second',
    up,
    pod('Running', [{ restarts: 1, last: ended(1) }]),
    'crash cart',
  ],
  [
    'killed for its liveness probe',
    up,
    pod('Running', [{ restarts: 1, state: running(2), last: ended(137) }]),
    'crash cart',
  ],
  [
    'an image that cannot be pulled',
    creating,
    pod('Pending', [
      { state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "cart:2"' } } },
    ]),
    '',
  ],
  [
    'a command that is not in the image',
    creating,
    pod('Running', [
      { state: { waiting: { reason: 'RunContainerError' } }, last: ended(128, 1, 'StartError') },
    ]),
    'crash cart',
  ],
  [
    'a node that does not answer',
    up,
    pod('Running', [{}], {
      status: { reason: 'NodeLost', conditions: [{ type: 'Ready', status: 'False' }] },
    }),
    '',
  ],
  [
    'a sidecar that is ended when the job is done',
    pod('Running', [{ state: ended(0) }], sidecar(running())),
    pod('Succeeded', [{ state: ended(0) }], sidecar(ended(143))),
    'completed',
  ],
  [
    'a job and its sidecar end between two looks',
    pod('Running', [{}], sidecar(running())),
    pod('Succeeded', [{ state: ended(0) }], sidecar(ended(137))),
    'completed',
  ],
  [
    'a sidecar that is ended before its pod is over',
    pod('Running', [{ state: ended(0) }], sidecar(running())),
    pod('Running', [{ state: ended(0) }], sidecar(ended(137))),
    '',
  ],
  [
    'a job fails, and its sidecar is ended',
    pod('Running', [{}], sidecar(running())),
    pod('Failed', [{ state: ended(2) }], sidecar(ended(143))),
    'crash cart',
  ],
  [
    'a sidecar crashes while the others run',
    pod('Running', [{}], sidecar(running())),
    pod('Running', [{}], sidecar(ended(1))),
    'crash proxy',
  ],
  [
    'a sidecar takes all memory',
    pod('Running', [{}], sidecar(running())),
    pod('Running', [{}], sidecar(ended(137, 1, 'OOMKilled'))),
    'oom proxy',
  ],
  ['a static pod is mirrored anew', mirror('0b5f3c1e-3333'), mirror('0b5f3c1e-4444'), ''],
  ['asked to stop', up, pod('Running', [{}], deletion), 'terminating'],
  [
    'stops, as it was asked',
    pod('Running', [{}], deletion),
    pod('Running', [{ state: ended(143) }], deletion),
    '',
  ],
  ['stops at once when asked', up, pod('Running', [{ state: ended(137) }], deletion), 'terminating'],
  [
    'asked to stop before it had a node',
    unscheduled,
    pod('Pending', [], { ...deletion, spec: { nodeName: undefined } }),
    'terminating',
  ],
  ['a job is done', up, pod('Succeeded', [{ state: ended(0) }]), 'completed'],
  [
    'one of two containers is done',
    pod('Running', [{}, { name: 'proxy' }]),
    pod('Running', [{ state: ended(0) }, { name: 'proxy' }]),
    'completed cart',
  ],
  ['a job has failed', up, pod('Failed', [{ state: ended(2) }]), 'crash cart'],
  ['an init container is done', init(running()), init(ended(0)), ''],
  ['an init container fails', init(running()), init(ended(1)), 'crash migrate'],
  ['an init container waits to be run again', init(running()), init(backOff), 'crash migrate'],
  ['a debugging shell ends with what its last command said', debugged(running()), debugged(ended(130)), ''],
  [
    'a debugging shell takes all memory',
    debugged(running()),
    debugged(ended(137, 1, 'OOMKilled')),
    'oom debugger',
  ],
  [
    'another pod of the same name',
    crashed,
    pod('Pending', [], { metadata: { uid: '0b5f3c1e-2222' } }),
    'scheduled',
  ],
  [
    'another pod of the same name crashes like the one before',
    crashed,
    pod('Running', [{ state: ended(1) }], { metadata: { uid: '0b5f3c1e-2222' } }),
    'crash cart',
  ],
  ['no status any more', crashed, pod('', [], { status: { containerStatuses: undefined } }), ''],
  ['a status where there was none', pod('', [], { status: { containerStatuses: undefined } }), up, 'started'],
]

describe('podReason', () => {
  for (const [what, before, after, expected] of cases)
    it(`${what}: ${expected === '' ? 'nothing' : expected}`, () => {
      assert.equal(spell(podReason('MODIFIED', before, after)), expected)
    })

  it('tells of pods that are gone how they went', () => {
    assert.equal(spell(podReason('DELETED', up, pod('Running', [{}], deletion))), 'terminating')
    assert.equal(
      spell(
        podReason(
          'DELETED',
          pod('Running', [{}], deletion),
          pod('Failed', [{ state: ended(137) }], deletion),
        ),
      ),
      '',
    )
    assert.equal(
      spell(podReason('DELETED', up, pod('Running', [{ state: ended(137, 1, 'OOMKilled') }], deletion))),
      'oom cart',
    )
    assert.equal(spell(podReason('DELETED', up, up)), '')
  })

  it('throws at no JSON, and answers nothing else than the schema has', () => {
    const containers = fc.oneof(
      fc.jsonValue(),
      fc.array(
        fc.oneof(
          fc.jsonValue(),
          fc.constantFrom(status({}), status({ state: backOff }), status({ state: ended(1) })),
        ),
      ),
    )
    const pods = fc.oneof(
      fc.jsonValue(),
      fc.record({
        metadata: fc.oneof(
          fc.jsonValue(),
          fc.record({ uid: fc.jsonValue(), deletionTimestamp: fc.jsonValue() }),
        ),
        spec: fc.oneof(fc.jsonValue(), fc.record({ nodeName: fc.jsonValue() })),
        status: fc.oneof(
          fc.jsonValue(),
          fc.record({
            phase: fc.jsonValue(),
            conditions: fc.jsonValue(),
            containerStatuses: containers,
            initContainerStatuses: containers,
          }),
        ),
      }),
    )
    fc.assert(
      fc.property(fc.constantFrom('ADDED', 'MODIFIED', 'DELETED'), pods, pods, (type, before, after) => {
        const reason = podReason(type, before as ClusterObject, after as ClusterObject)
        if (reason !== undefined) schema.parse(reason)
        assert.equal(podReason(type, after as ClusterObject, after as ClusterObject), undefined)
      }),
    )
  })
})

function spell(reason: PodReason | undefined): string {
  return reason === undefined ? '' : `${reason.reason} ${reason.container}`.trim()
}
