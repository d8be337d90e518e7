import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { TestPods, testPod } from '../testing/pods.ts'
import type { PodsMessage } from './host/protocol.ts'
import { PodDelivery } from './pod-delivery.ts'

/** An agent, as far as it keeps what it is told. */
class Listener {
  /** By name, the version that it has. */
  pods = new Map<string, string>()

  hear({ events }: PodsMessage): void {
    for (const { event, pod } of events) {
      const { name, resourceVersion } = JSON.parse(pod).metadata
      const known = this.pods.get(name)
      assert.equal(known === undefined, event === 'ADDED', `${event} ${name}`)
      assert.notEqual(known, resourceVersion, `${name} came twice`)
      if (event === 'DELETED') this.pods.delete(name)
      else this.pods.set(name, resourceVersion)
    }
  }
}

/** A sandbox that gives its agents what is sent when it is told to, or dies. */
class Process {
  readonly listeners = new Map<number, Listener>()
  #waiting: { message: PodsMessage; told: (isTold: boolean) => void } | undefined
  isDead = false

  send(message: PodsMessage): Promise<boolean> {
    assert.equal(this.#waiting, undefined, 'one at a time')
    return new Promise((told) => {
      this.#waiting = { message, told }
    })
  }

  async work(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) return
    if (!this.isDead)
      for (const slot of waiting.message.slots) this.listeners.get(slot)?.hear(waiting.message)
    waiting.told(!this.isDead)
    this.isDead = false
    await Promise.resolve()
    await Promise.resolve()
  }

  die(): void {
    this.isDead = this.#waiting !== undefined
    for (const slot of this.listeners.keys()) this.listeners.set(slot, new Listener())
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('change'), name: fc.nat(3), isGone: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('work') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('load'), slot: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove'), slot: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die') }) },
)

describe('the delivery of pods', () => {
  test('leaves every agent with the pods that there are, told of each change once, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const pods = new TestPods()
        const process = new Process()
        const balance = new Map<number, number>()
        const add = (slot: number, by: number) => balance.set(slot, (balance.get(slot) ?? 0) + by)
        const delivery = new PodDelivery({
          source: pods,
          isLive: () => true,
          timeOf: ({ at }) => at,
          send: (message) => process.send(message),
          sent: (slot, events) => add(slot, events),
          lost: (slot, events) => add(slot, -events),
          dropped: () => assert.fail('nothing is dropped'),
        })
        delivery.release()
        const there = new Map<string, string>()
        let version = 0
        for (const each of steps) {
          if (each.kind === 'change') {
            const name = `pod-${each.name}`
            const pod = testPod(name, {}, { resourceVersion: String(++version) })
            const isKnown = there.has(name)
            if (each.isGone && !isKnown) continue
            pods.tell(each.isGone ? 'DELETED' : isKnown ? 'MODIFIED' : 'ADDED', pod)
            if (each.isGone) there.delete(name)
            else there.set(name, String(version))
          } else if (each.kind === 'load') {
            // What is under way is for the version before.
            delivery.hold()
            await process.work()
            process.listeners.set(each.slot, new Listener())
            delivery.hear(each.slot)
            delivery.release()
          } else if (each.kind === 'remove') {
            process.listeners.delete(each.slot)
            delivery.leave(each.slot)
          } else if (each.kind === 'die') {
            process.die()
            delivery.restarted()
          } else await process.work()
        }
        for (let round = 0; round < 200; round++) await process.work()
        for (const listener of process.listeners.values()) assert.deepEqual(listener.pods, there)
        assert.equal(pods.listeners, process.listeners.size > 0 ? 1 : 0)
        for (const sum of balance.values()) assert.ok(sum >= 0)
      }),
    )
  })
})
