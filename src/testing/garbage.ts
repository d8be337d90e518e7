import { random } from './mutate.ts'

/** Whole numbers below a limit, the same ones for the same seed. */
export function randomFrom(seed: number): (below: number) => number {
  const next = random(seed)
  return (below) => Math.floor(next() * below)
}

/** Text that was damaged on purpose: cut, turned round, replaced, or something that programs trip over. */
export function mutated(text: string, pick: (below: number) => number): string {
  const at = pick(text.length + 1)
  const length = pick(text.length + 1)
  const ways = [
    () => text.slice(0, at),
    () => text.slice(0, at) + text.slice(at + length),
    () => text.slice(0, at) + String.fromCharCode(pick(0x80)) + text.slice(at + 1),
    () => text.slice(0, at) + text.slice(at, at + length) + text.slice(at),
    () => [...text].reverse().join(''),
    () => text.replace(/\d+/g, () => String(HARD[pick(HARD.length)])),
    () => text.replace(/"[^"]*"/g, (each) => (pick(4) === 0 ? String(HARD[pick(HARD.length)]) : each)),
    () => String(HARD[pick(HARD.length)]),
    () => Array.from({ length: pick(300) }, () => String.fromCharCode(pick(0xd7ff))).join(''),
  ]
  return ways[pick(ways.length)]?.() ?? ''
}

const HARD = [
  ...[
    '',
    ' ',
    'null',
    '[]',
    '{}',
    '0',
    '-1',
    '1e999',
    '1e21',
    '"',
    '"\\u0000"',
    'true',
    '{"__proto__":{"a":1}}',
  ],
  ...[
    '{"constructor":1,"toString":2}',
    '99999999999999999999',
    '[[[[',
    '{"0":{"0":{"0":{}}}}',
    '\u0000\u0001',
  ],
  ...['['.repeat(20_000), '{"a":'.repeat(20_000), '{"0":null,"1":[],"-1":{},"1.5":{},"x":{}}', 'a,b,,c,'],
]
