import assert from 'node:assert/strict'
import { it } from 'node:test'
import { refused } from '../testing/describe-bus.ts'
import { NATS_SETTINGS } from '../testing/nats-settings.ts'
import { freePort } from '../testing/ports.ts'
import { openBus } from './index.ts'

it('a bus is in this process when no NATS is named, and over NATS when one is', async () => {
  const local = await openBus({ nats: NATS_SETTINGS, folder: null, mayWait: false })
  assert.equal(local.description, 'in this process')
  await local.close()
  const url = `nats://127.0.0.1:${await freePort()}`
  await refused('E_BUS', () => openBus({ nats: { ...NATS_SETTINGS, url }, folder: null, mayWait: false }))
  const waiting = await openBus({ nats: { ...NATS_SETTINGS, url }, folder: null, mayWait: true })
  assert.deepEqual([waiting.description, waiting.connected], [url, false])
  await waiting.close()
})
