import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readSettings } from './settings.ts'

const read = (settings: object) => readSettings(JSON.stringify(settings), ['http', 'HTTP/2', 'TCP FLOW'])

describe('what a script says of its dissector', () => {
  test('needs a name only', () => {
    assert.deepEqual(read({ name: 'beanstalk' }), {
      name: 'beanstalk',
      transport: 'tcp',
      ports: [],
      pairing: 'in-order',
      abbr: 'BEANSTALK',
      longName: 'beanstalk',
      version: '',
      backgroundColor: '#5a5a8a',
      foregroundColor: '#ffffff',
      referenceLink: '',
    })
  })

  for (const [settings, problem] of [
    [{}, /name must be a word/],
    [{ name: 'Bean stalk' }, /name must be a word.*"Bean stalk"/],
    [{ name: 'http' }, /"http" is a protocol that Remora reads itself/],
    [{ name: 'conn' }, /"conn" means something in filters/],
    [{ name: 'nil' }, /"nil" means something in filters/],
    [{ name: 'a', abbr: 'TCP FLOW' }, /"TCP FLOW" is that of a protocol that Remora reads itself/],
    [{ name: 'a', abbr: 'http/2' }, /"http\/2" is that of a protocol/],
    [{ name: 'a', abbr: '__proto__' }, /abbr must be a word or two .* and is "__proto__"/],
    [{ name: 'a', abbr: 'x\n' }, /abbr must be a word or two/],
    [{ name: 'a', port: 80 }, /there is no port; is it ports\?/],
    [{ name: 'a', transports: 'udp' }, /there is no transports; is it transport\?/],
    [{ name: 'a', timeoutMs: 5 }, /there is no timeoutMs; there are name, transport, ports,/],
    [{ name: 'a', transport: 'sctp' }, /transport must be "tcp" or "udp", and is "sctp"/],
    [{ name: 'a', ports: [0] }, /ports must be a list .* and is \[0\]/],
    [{ name: 'a', ports: 80 }, /ports must be a list/],
    [{ name: 'a', pairing: 'own' }, /pairing must be/],
    [{ name: 'a', abbr: 7 }, /abbr must be a short text, and is 7/],
  ] as const)
    test(`is refused when it is ${JSON.stringify(settings)}`, () => {
      assert.throws(() => read(settings), problem)
    })
})
