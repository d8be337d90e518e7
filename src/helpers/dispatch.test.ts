import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { fakeHost } from '../testing/helper-host.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { openDataFolder } from './data-folder.ts'
import { allHelpers, dispatch, helperArity, stubTable } from './dispatch.ts'
import { helper, namespace } from './helper.ts'
import { namespaces } from './index.ts'

const QUOTA = 1 << 20

describe('the table of stubs', () => {
  test('is plain JSON with a stub for every helper', () => {
    const table = stubTable(namespaces)
    assert.deepEqual(JSON.parse(JSON.stringify(table)), table)
    assert.equal(table.length, [...allHelpers(namespaces)].length)
    assert.deepEqual(
      table.find(({ path }) => path === 'vendor.webhook'),
      {
        path: 'vendor.webhook',
        where: 'broker',
        params: ['method', 'url', 'body', 'headers'],
        min: 2,
        max: 4,
        rest: false,
        isQueued: true,
      },
    )
    assert.deepEqual(
      table.find(({ path }) => path === 'jobs.schedule'),
      {
        path: 'jobs.schedule',
        where: 'sandbox',
        params: ['tag', 'cron', 'task', 'limit', 'args'],
        min: 3,
        max: 5,
        rest: true,
        isQueued: false,
      },
    )
  })

  test('has no path twice', () => {
    const paths = stubTable(namespaces).map(({ path }) => path)
    assert.equal(new Set(paths).size, paths.length)
  })

  test('agrees with what the linter is told', () => {
    const arities = helperArity(namespaces)
    for (const { path, min, max, rest } of stubTable(namespaces))
      assert.deepEqual(arities.get(path), { min, max: rest ? Infinity : max })
    assert.deepEqual(arities.get('setTimeout'), { min: 1, max: Infinity })
    assert.deepEqual(arities.get('jobs.scheduler.stop'), { min: 0, max: 0 })
  })
})

describe('dispatch', () => {
  test('converts arguments, hands them over by name and gives back the answer', async (t) => {
    const echo = namespace('echo', '', {
      twice: helper({
        doc: '',
        params: { text: z.string(), suffix: z.string().default('!') },
        returns: z.object({ said: z.string() }),
        example: '',
        run: async ({ text, suffix }) => ({ said: text + text + suffix, internal: 1 }),
      }),
    })
    const host = fakeHost(await openDataFolder(await tempFolder(t), QUOTA))
    assert.deepEqual(await dispatch([echo], 'echo.twice', [4, null], host), { said: '44!' })
  })

  test('refuses what is no helper, whatever the path is made of', async (t) => {
    const host = fakeHost(await openDataFolder(await tempFolder(t), QUOTA))
    for (const path of ['vendor.nothing', 'vendor.constructor', '__proto__.x', '', '.', 'vendor', 'toString'])
      await assert.rejects(dispatch(namespaces, path, [], host), {
        name: 'Mistake',
        message: `there is no helper ${path}`,
      })
  })

  test('refuses helpers of the sandbox', async (t) => {
    const host = fakeHost(await openDataFolder(await tempFolder(t), QUOTA))
    await assert.rejects(dispatch(namespaces, 'console.log', ['x'], host), { code: 'E_HELPER_REFUSED' })
  })

  test('tells of the disk in plain text and leaves our own bugs as they are', async (t) => {
    const errno = (code: string, path?: string) =>
      Object.assign(new Error('raw'), { code, syscall: 'write', path })
    const root = await tempFolder(t)
    const failing = (error: Error) =>
      namespace('x', '', {
        y: helper({ doc: '', params: {}, returns: z.void(), example: '', run: () => Promise.reject(error) }),
      })
    const host = fakeHost(await openDataFolder(root, QUOTA))
    await assert.rejects(dispatch([failing(errno('ENOSPC', `${root}/a/b.txt`))], 'x.y', [], host), {
      code: 'E_HELPER_FAILED',
      message: 'x.y: a/b.txt: no space left on the disk',
    })
    await assert.rejects(dispatch([failing(errno('EWEIRD', '/etc/shadow'))], 'x.y', [], host), {
      code: 'E_HELPER_FAILED',
      message: 'x.y: failed (EWEIRD)',
    })
    await assert.rejects(dispatch([failing(new TypeError('a bug'))], 'x.y', [], host), { name: 'TypeError' })
  })

  test('says so when the time of a call is up', async (t) => {
    const slow = namespace('x', '', {
      y: helper({
        doc: '',
        params: {},
        returns: z.void(),
        example: '',
        run: (_, { signal }) =>
          new Promise<undefined>((_, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason)),
          ),
      }),
    })
    const abort = new AbortController()
    const host = fakeHost(await openDataFolder(await tempFolder(t), QUOTA), { signal: abort.signal })
    const call = dispatch([slow], 'x.y', [], host)
    abort.abort()
    await assert.rejects(call, { code: 'E_HELPER_FAILED', message: 'x.y: the time for this call is up' })
  })
})
