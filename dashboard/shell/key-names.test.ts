import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { areTogether, groupsWithKeys, keyNames } from './key-names.ts'

describe('keys', () => {
  test('are called what stands on them', () => {
    assert.deepEqual(keyNames('mod+f', false), ['Ctrl', 'f'])
    assert.deepEqual(keyNames('mod+f', true), ['⌘', 'f'])
    assert.deepEqual(keyNames('g t', false), ['g', 't'])
    assert.deepEqual(keyNames('?', false), ['?'])
    assert.deepEqual([areTogether('mod+f'), areTogether('g t')], [true, false])
  })

  test('stand with what they do, in groups', () => {
    const command = (id: string, group: string, keys?: string) => ({
      id,
      label: id,
      group,
      run: () => {},
      ...(keys && { keys }),
    })
    const groups = groupsWithKeys([command('a', 'One', 'x'), command('b', 'Two'), command('c', 'One', 'y')])
    assert.deepEqual(
      groups.map(([group, commands]) => [group, commands.map(({ id }) => id)]),
      [['One', ['a', 'c']]],
    )
  })
})
