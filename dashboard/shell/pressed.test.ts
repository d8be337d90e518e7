import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Command } from '../lib/commands.ts'
import { pressed } from './pressed.ts'

const commands = new Map<string, Command>(
  [
    ['traffic', 'g t'],
    ['help', '?'],
    ['save', 'mod+s'],
  ].map(([id = '', keys = '']) => [id, { id, keys, label: id, group: '', run: () => {} }]),
)
const press = (key: string, more = {}) => ({
  key,
  ...{ ctrlKey: false, metaKey: false, altKey: false, defaultPrevented: false, target: { tagName: 'BODY' } },
  ...more,
})

describe('keys', () => {
  test('one key, or one after the other', () => {
    assert.equal(pressed(press('?'), undefined, commands).command?.id, 'help')
    const { pending } = pressed(press('g'), undefined, commands)
    assert.equal(pressed(press('t'), pending, commands).command?.id, 'traffic')
    assert.deepEqual(pressed(press('t'), undefined, commands), {})
    assert.deepEqual(pressed(press('x'), pending, commands), {})
  })

  test('nothing while somebody types, but for Ctrl and Cmd', () => {
    const target = { tagName: 'INPUT' }
    assert.deepEqual(pressed(press('?', { target }), undefined, commands), {})
    assert.equal(pressed(press('s', { target, metaKey: true }), undefined, commands).command?.id, 'save')
  })

  test('nothing where something else has taken the key', () => {
    assert.deepEqual(pressed(press('?', { defaultPrevented: true }), undefined, commands), {})
  })
})
