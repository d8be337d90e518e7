import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { agentTitle } from './title.ts'

const TITLES: readonly (readonly [source: string, title: string])[] = [
  ['// script 1\nvar a', 'script 1'],
  ['//script 1', 'script 1'],
  ['\ufeff\n\n  //  Slack  Bot - \r\nvar a', 'Slack Bot -'],
  ['/**\n * Finds\tanomalies\n * and more\n */\nvar a', 'Finds anomalies'],
  ['/* one line */', 'one line'],
  ['/****/\nvar a', 'file-name'],
  ['//\n// later', 'file-name'],
  ['var a // Recording name\n// other', 'file-name'],
  ['var a = "// no comment"', 'file-name'],
  ['', 'file-name'],
  ['/* never closed', 'never closed'],
  ['// title of what is no script\nvar = ;', 'title of what is no script'],
]

describe('the title of an agent', () => {
  for (const [source, title] of TITLES)
    test(`of ${JSON.stringify(source)} is "${title}"`, () => {
      assert.equal(agentTitle(source, 'dir/file-name.js'), title)
    })

  test('is the name of the file without its ending', () => {
    assert.equal(agentTitle('var a', '/agents/kube2.js'), 'kube2')
    assert.equal(agentTitle('var a', 'x.y.ts'), 'x.y')
  })
})
