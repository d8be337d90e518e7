import assert from 'node:assert/strict'
import { Mistake, type MistakeCode } from '../mistake/mistake.ts'

/** Rejects with a Mistake of this code that says this: answers it. */
export async function rejects(promise: Promise<unknown>, code: MistakeCode, says: RegExp): Promise<Mistake> {
  const error: unknown = await promise.then(
    () => assert.fail(`expected ${code}`),
    (reason) => reason,
  )
  if (!(error instanceof Mistake)) throw error
  assert.equal(error.code, code, error.message)
  assert.match(error.message, says)
  return error
}
