import { namespace, sandboxHelper, typed } from './helper.ts'

const params = { data: typed('Entry').describe('The entry that a hook was called with') }

export const test = namespace('test', 'Marks on entries: green or red rows in the dashboard.', {
  pass: sandboxHelper({
    doc: 'Sets `data.passed` and returns the same entry.',
    params,
    returns: typed('Entry'),
    example: `function onItemQueried(data) {\n  if (data.response && data.response.status === 200) return test.pass(data)\n}`,
  }),
  fail: sandboxHelper({
    doc: 'Sets `data.failed` and returns the same entry. Red wins over green.',
    params,
    returns: typed('Entry'),
    example: `function onItemQueried(data) {\n  if (data.response && data.response.status === 500) return test.fail(data)\n}`,
  }),
})
