import type { TestContext } from 'node:test'
import { readArguments } from '../helpers/arguments.ts'
import { openDataFolder } from '../helpers/data-folder.ts'
import { dispatch, helperAt } from '../helpers/dispatch.ts'
import { type EgressOptions, openEgress } from '../helpers/egress.ts'
import type { HelperHost } from '../helpers/helper.ts'
import { namespaces } from '../helpers/index.ts'
import { fakeHost } from './helper-host.ts'
import { tempFolder } from './temp-folder.ts'

/** Helpers as scripts call them, in front of the real network and a data folder of their own. */
export async function callHelpers(
  t: TestContext,
  overrides: Partial<HelperHost> = {},
  options: EgressOptions = {},
) {
  const egress = openEgress(options)
  t.after(() => egress.close())
  const folder = await tempFolder(t)
  const host = fakeHost(await openDataFolder(folder, 1 << 20), {
    request: (request) => egress.request(request),
    connect: (request) => egress.connect(request),
    addressOf: (name, port) => egress.addressOf(name, port),
    ...overrides,
  })
  return {
    folder,
    host,
    warnings: host.warnings,
    call: (path: string, ...args: unknown[]) => dispatch(namespaces, path, args, host),
    rehearse: (path: string, ...args: unknown[]) =>
      dispatch(namespaces, path, args, host, { how: 'rehearsed' }),
    /** What the outbox does with calls of one key. */
    sendBatch: async (path: string, calls: readonly CallInOutbox[]) => {
      const helper = helperAt(namespaces, path)
      if (helper?.where !== 'broker' || helper.queued?.batch === undefined)
        throw new Error(`${path} sends no batches`)
      const read = calls.map((call) => ({ ...call, args: readArguments(path, helper.params, call.args) }))
      await helper.queued.batch.send(read, host)
    },
  }
}

interface CallInOutbox {
  readonly id: string
  readonly at: number
  readonly args: readonly unknown[]
}
