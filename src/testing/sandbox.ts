import assert from 'node:assert/strict'
import type {
  AckMessage,
  HostConfig,
  Line,
  LoadAgent,
  LoadedMessage,
  SlotCounters,
} from '../agent/host/protocol.ts'
import { bestLevel } from '../agent/launch.ts'
import { SandboxLauncher } from '../agent/launcher.ts'
import { SandboxProcess } from '../agent/sandbox-process.ts'
import { stubTable } from '../helpers/dispatch.ts'
import { HOOKS } from '../helpers/hooks.ts'
import { namespaces } from '../helpers/index.ts'
import { Packet } from '../packet/packet.ts'
import { Batcher } from '../worker/batcher.ts'

/** A sandbox as the program runs it, and all that it tells. */
export class TestSandbox {
  readonly launcher: SandboxLauncher
  readonly process: SandboxProcess
  readonly lines: Line[] = []
  readonly acks: AckMessage[] = []
  readonly stopped: (readonly [slot: number, reason: string])[] = []
  readonly restarted: string[] = []
  /** What was loaded, and how many acknowledgements had come by then. */
  readonly loaded: (readonly [slot: number, acks: number])[] = []
  /** Before a helper call is answered. */
  onCall: () => void | Promise<void> = () => {}

  constructor(config: Partial<HostConfig> = {}, level = bestLevel().level) {
    this.launcher = new SandboxLauncher({ level, because: '' })
    this.process = new SandboxProcess(
      {
        launcher: this.launcher,
        config: Promise.resolve({ ...CONFIG, ...config }),
        limits: { callMb: 128, hookMs: 150, jobMs: 30_000 },
      },
      {
        lines: (lines) => this.lines.push(...lines),
        entries: () => {},
        // Every helper outside answers with its first argument.
        call: async ({ args }) => {
          await this.onCall()
          return args[0]
        },
        ack: (message) => this.acks.push(message),
        loaded: (slot) => this.loaded.push([slot, this.acks.length]),
        stopped: (slot, reason) => this.stopped.push([slot, reason]),
        restarted: (reason) => this.restarted.push(reason),
        notRevived: (slot, reason) => this.stopped.push([slot, reason]),
      },
    )
  }

  /** Starts it with agents; those with the packet hook want lengths. Slots count from 0. */
  async start(...sources: readonly string[]): Promise<void> {
    await this.process.start()
    for (const [slot, source] of sources.entries())
      assert.equal((await this.load(slot, source)).error, undefined)
  }

  load(slot: number, source: string): Promise<LoadedMessage> {
    return this.process.load(agent(slot, source))
  }

  /** Promises of their acknowledgements. */
  send(frames: readonly Uint8Array[]): Promise<void>[] {
    return frames.map((frame) => new Promise((resolve) => this.process.batch(frame, resolve)))
  }

  /** What an agent has done, as it was last told. */
  counters(of: number): SlotCounters {
    const told = this.acks.flatMap(({ slots }) => slots).findLast(({ slot }) => slot === of)
    assert.ok(told !== undefined, `nothing was told of slot ${of}`)
    return told
  }

  /** What agents, or one of them, logged. */
  texts(of?: number): string[] {
    return this.lines
      .filter(({ slot, level }) => level === 'log' && slot === (of ?? slot))
      .map(({ text }) => text)
  }
}

function agent(slot: number, source: string): LoadAgent {
  return {
    slot,
    index: slot,
    title: `agent ${slot}`,
    file: `${slot}.js`,
    component: 'worker',
    source,
    insertions: [],
    sharesThis: false,
    vars: [],
    wantedItem: [],
    wantedPacket: source.includes('onPacketCaptured') ? ['length'] : [],
    bodies: 'text',
  }
}

/** Batches of packets of 60 bytes, a second apart. */
export function packetBatches(batches: number, packets: number): Uint8Array[] {
  const frames: Uint8Array[] = []
  const origin = { worker: 'w', node: { ip: '', name: 'n' }, backend: 'pcap', nameOf: () => '' }
  const batcher = new Batcher([], [], origin, (frame) => frames.push(frame) > 0)
  batcher.setDemand({ version: 0, items: new Set(), packets: new Set(['length']), relays: false })
  const packet = new Packet()
  for (let at = 0; at < batches * packets; at++) {
    packet.seconds = at
    packet.length = 60
    batcher.packet(packet)
    if ((at + 1) % packets === 0) batcher.flush()
  }
  return frames
}

const CONFIG: HostConfig = {
  nodeName: 'n',
  virtualTime: true,
  startMs: 0,
  env: {},
  language: 'es5',
  stubs: stubTable(namespaces),
  hooks: HOOKS,
  budgets: {
    memoryMb: 64,
    allMb: 320,
    linesPerCall: 1000,
    bytesPerCall: 1 << 20,
    waitMsPerCall: 1000,
    failures: 100,
    slowJobMs: 60_000,
  },
  macros: {},
  actions: 'inside',
  clusterJobs: false,
  ignoredResults: 'wait',
  marks: false,
  traced: false,
  jobsAcrossAgents: true,
  origin: { worker: 'w', node: { ip: '', name: 'n' }, backend: 'pcap' },
  protocols: [],
  replyTimeoutSeconds: 10,
  query: null,
}
