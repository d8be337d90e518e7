import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import type { DataFolder, HelperHost, NameHistory, PacketStore } from '../helpers/helper.ts'
import { KeptClients } from '../helpers/kept-clients.ts'
import { MetricSeries } from '../helpers/otel/series.ts'
import { Mistake } from '../mistake/mistake.ts'
import { SharedState } from '../store/shared-state.ts'

/** A host for helpers under test: nothing reaches the world but what is handed in. Warnings are kept. */
export function fakeHost(
  files: DataFolder,
  overrides: Partial<HelperHost> = {},
): HelperHost & { readonly warnings: string[] } {
  const warnings: string[] = []
  return {
    agent: { title: 'test agent', index: 0 },
    component: 'worker',
    nodeName: 'node-a',
    nodeIp: '10.0.0.7',
    runId: 'run1',
    env: {},
    aiAssistantEnabled: true,
    files,
    temporary: async () => {},
    packets: new FakePackets({}),
    podPackets: { write: async () => ({ packets: 0, complaint: '' }) },
    shared: new SharedState({ node: 'node-a', boot: 'b1' }).of({ id: 'test', title: 'test agent' }),
    signal: new AbortController().signal,
    warn: (text) => warnings.push(text),
    log: () => {},
    request: () => Promise.reject(new Error('this test sends nothing')),
    connect: () => Promise.reject(new Error('this test connects to nothing')),
    addressOf: () => Promise.reject(new Error('this test connects to nothing')),
    clients: new KeptClients(),
    reports: { write: () => Promise.reject(new Error('this test keeps no reports')) },
    queue: () => Promise.reject(new Error('this test queues nothing')),
    otel: {},
    metricSeries: new MetricSeries(),
    masked: (text) => text,
    randomName: () => randomBytes(8).toString('hex'),
    now: () => 1_767_225_600_123,
    health: () => ({ nodeName: 'node-a' }),
    alerts: {
      raise: () => Promise.reject(new Error('this test raises nothing')),
      close: () => Promise.reject(new Error('this test closes nothing')),
    },
    targeted: () => ({ targets: [], excluded: [] }),
    policies: {
      ask: () => Promise.reject(new Mistake('E_BUS_NO_ANSWER', 'no hub leads')),
      by: { agent: 'test', title: 'test agent', node: 'node-a', index: 0 },
    },
    warnings,
    ...overrides,
  }
}

/** Streams by name; their packets are texts, one after another in a capture. */
export class FakePackets implements PacketStore {
  readonly #streams: Readonly<Record<string, string>>

  constructor(streams: Readonly<Record<string, string>>) {
    this.#streams = streams
  }

  async writeStream(stream: string, target: string): Promise<boolean> {
    const packets = this.#streams[stream]
    if (packets === undefined) return false
    await writeFile(target, packets)
    return true
  }

  async streams(): Promise<readonly string[]> {
    return Object.keys(this.#streams)
  }

  async writeMerged(streams: readonly string[], target: string): Promise<void> {
    await writeFile(target, streams.map((name) => this.#streams[name] ?? `no ${name}`).join('+'))
  }

  async writeMergedFiles(files: readonly string[], target: string): Promise<void> {
    await writeFile(target, files.join('+'))
  }

  async nameHistory(): Promise<NameHistory> {
    return { '1767225600': { '10.0.0.1': { FullAddress: 'cart.shop', Namespace: 'shop' } } }
  }
}
