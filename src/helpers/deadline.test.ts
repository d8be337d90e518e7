import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeHost } from '../testing/helper-host.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { openDataFolder } from './data-folder.ts'
import { endingIn } from './deadline.ts'

test('a host with an end gives no request more time than is left', async (t) => {
  const given: (number | undefined)[] = []
  const host = fakeHost(await openDataFolder(await tempFolder(t), 1 << 20), {
    request: async ({ totalMs }) => {
      given.push(totalMs)
      return { status: 200, headers: {}, body: '' }
    },
  })
  const request = { method: 'GET', url: 'http://a/', headers: {}, body: undefined }
  await endingIn(60_000, host).request(request)
  await endingIn(60_000, host).request({ ...request, totalMs: 5000 })
  await endingIn(-1, host).request(request)
  assert.deepEqual(given, [30_000, 5000, 1])
  assert.equal(endingIn(-1, host).left(), 1)
})
