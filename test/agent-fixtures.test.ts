import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, test } from 'node:test'
import { REPOSITORY, remora } from '../src/testing/remora.ts'

const FIXTURES = join(REPOSITORY, 'test/fixtures')

describe('remora test, on the fixtures of templates and examples', () => {
  for (const file of readdirSync(FIXTURES))
    test(file, async () => {
      const name = `${basename(file, '.test.json')}.js`
      const agent = ['templates', 'examples'].map((folder) => join(REPOSITORY, folder, name)).find(existsSync)
      const { code, stdout } = await remora([
        'test',
        join(FIXTURES, file),
        '--agent',
        agent ?? assert.fail(name),
      ])
      assert.equal(code, 0, stdout)
    })
})
