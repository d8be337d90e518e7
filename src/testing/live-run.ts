import { request } from 'node:http'
import type { TestContext } from 'node:test'
import { openCapture } from '../capture/index.ts'
import { Mistake } from '../mistake/mistake.ts'

/** Whether live runs can be tested here. In CI the tools must be there and allowed to capture. */
export function canCapture(t: TestContext): boolean {
  try {
    openCapture({ interface: ['lo'] })
    return true
  } catch (error) {
    if (!(error instanceof Mistake) || process.env.CI) throw error
    t.skip(`live runs are not tested: ${error.message}`)
    return false
  }
}

/** A request on a connection of its own. */
export function fetchOnce(port: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume().on('end', resolve)
    })
      .on('error', reject)
      .end()
  })
}
