import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columnTemplates, resized, widthsIn } from './columns.ts'

test('a column is made wider within what makes sense, and that comes back', () => {
  const wider = resized({}, 'source', 40)
  assert.deepEqual(wider, { source: 176 })
  assert.deepEqual(resized(wider, 'source', -1000), { source: 36 })
  assert.deepEqual(widthsIn(JSON.stringify(wider)), wider)
  for (const odd of [null, '', '5', '[]', '{"source":"1px;x"}', '{"source":1e9}', '{"other":50}', 'null'])
    assert.deepEqual(widthsIn(odd), {}, String(odd))
})

test('narrow lists leave columns out, from the right', () => {
  const templates = columnTemplates({ time: 100 })
  const count = (name: keyof typeof templates) => templates[name]?.match(/px(?!,)|1fr/g)?.length
  assert.deepEqual(
    ['', '-narrow', '-slim', '-least', '-bare'].map((room) => count(`--columns${room}`)),
    [12, 10, 8, 7, 6],
  )
})
