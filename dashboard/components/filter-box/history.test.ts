import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filterHistory, remember } from './history.ts'

function drawer(first?: string) {
  let kept = first ?? null
  return {
    getItem: () => kept,
    setItem: (_: string, value: string) => {
      kept = value
    },
  }
}

test('filters come back newest first, each once', () => {
  const each = drawer()
  remember(each, 'http')
  remember(each, ' dns ')
  remember(each, '')
  assert.deepEqual(remember(each, 'http'), ['http', 'dns'])
  assert.deepEqual(filterHistory(each), ['http', 'dns'])
})

test('there is an end to it', () => {
  const each = drawer()
  for (let at = 0; at < 80; at++) remember(each, `index == ${at}`)
  assert.equal(filterHistory(each).length, 50)
  assert.equal(filterHistory(each)[0], 'index == 79')
})

test('what somebody else has put there does no harm', () => {
  for (const text of ['', '{', '5', '[1,"http"]', 'null'])
    assert.deepEqual(filterHistory(drawer(text)), text.includes('http') ? ['http'] : [])
})

test('a browser that refuses to keep anything is no obstacle', () => {
  const full = {
    getItem: () => null,
    setItem: () => {
      throw new Error('QuotaExceededError')
    },
  }
  assert.deepEqual(remember(full, 'http'), ['http'])
})
