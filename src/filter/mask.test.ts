import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mask } from './mask.ts'

const entry = () => ({
  request: { headers: { authorization: 'Bearer x', accept: '*/*' }, list: [{ a: 1 }, { a: 2 }] },
  response: { content: { text: '{"user":{"email":"a@b.c","friends":[{"email":"d@e.f","age":3}]}}' } },
})

const cases: [string, (masked: ReturnType<typeof entry>) => unknown, unknown][] = [
  [
    'request.headers.Authorization',
    ({ request }) => request.headers,
    { authorization: '[REDACTED]', accept: '*/*' },
  ],
  ['request.list[1].a', ({ request }) => request.list, [{ a: 1 }, { a: '[REDACTED]' }]],
  ['request["headers"]["accept"]', ({ request }) => request.headers.accept, '[REDACTED]'],
  ['..a', ({ request }) => request.list, [{ a: '[REDACTED]' }, { a: '[REDACTED]' }]],
  [
    'response.content.text.json()..email',
    ({ response }) => response.content.text,
    '{"user":{"email":"[REDACTED]","friends":[{"email":"[REDACTED]","age":3}]}}',
  ],
  ['response.content.text', ({ response }) => response.content.text, '[REDACTED]'],
  ['request.headers.accept.json().x', ({ request }) => request.headers.accept, '[REDACTED]'],
  ['nothing.there', (masked) => masked, entry()],
]

for (const [path, look, expected] of cases)
  test(`${path} is masked`, () => {
    const masked = entry()
    mask(masked, path)
    assert.deepEqual(look(masked), expected)
  })
