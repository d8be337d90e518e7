import { isWord } from '../../filter/index.ts'
import { nearest } from '../../mistake/nearest.ts'
import type { DissectorSettings } from './agent-protocol.ts'

/**
 * What a script gave to `dissector(…)`, without its functions. Throws an error for its author when that is no dissector.
 * `taken`: names and abbreviations of protocols.
 */
export function readSettings(json: string, taken: readonly string[]): DissectorSettings {
  const { name, transport = 'tcp', ports = [], pairing = 'in-order', ...rest } = JSON.parse(json) as Given
  if (typeof name !== 'string' || !NAME.test(name))
    fail(`name must be a word of small letters, digits and "-", such as "beanstalk", and is ${shown(name)}`)
  const isTaken = (word: string) => taken.some((each) => each.toLowerCase() === word.toLowerCase())
  if (isTaken(name)) fail(`"${name}" is a protocol that Remora reads itself: choose another name`)
  if (isWord(name)) fail(`"${name}" means something in filters: choose another name`)
  for (const key of Object.keys(rest))
    if (!Object.hasOwn(DEFAULTS, key)) {
      const known = nearest(key, KEYS)
      fail(`there is no ${key}; ${known === undefined ? `there are ${KEYS.join(', ')}` : `is it ${known}?`}`)
    }
  if (transport !== 'tcp' && transport !== 'udp')
    fail(`transport must be "tcp" or "udp", and is ${shown(transport)}`)
  if (!Array.isArray(ports) || !ports.every(isPort) || ports.length > MOST_PORTS)
    fail(`ports must be a list of up to ${MOST_PORTS} numbers from 1 to 65535, and is ${shown(ports)}`)
  if (pairing !== 'in-order' && pairing !== 'by-id' && pairing !== 'none')
    fail(`pairing must be "in-order", "by-id" or "none", and is ${shown(pairing)}`)
  const given = (key: keyof typeof DEFAULTS, otherwise: string) => {
    const value = rest[key]
    if (value === undefined || value === null) return otherwise
    if (typeof value !== 'string' || value.length > LONGEST)
      fail(`${key} must be a short text, and is ${shown(value)}`)
    return value
  }
  const abbr = given('abbr', name.toUpperCase())
  if (!ABBR.test(abbr))
    fail(`abbr must be a word or two of up to 32 letters, such as "TCP FLOW", and is ${shown(abbr)}`)
  if (isTaken(abbr)) fail(`abbr ${shown(abbr)} is that of a protocol that Remora reads itself`)
  return {
    name,
    transport,
    ports,
    pairing,
    abbr,
    longName: given('longName', name),
    version: given('version', DEFAULTS.version),
    backgroundColor: given('backgroundColor', DEFAULTS.backgroundColor),
    foregroundColor: given('foregroundColor', DEFAULTS.foregroundColor),
    referenceLink: given('referenceLink', DEFAULTS.referenceLink),
  }
}

function fail(problem: string): never {
  throw new Error(`dissector: ${problem}`)
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65535
}

function shown(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, LONGEST)
}

type Given = Readonly<Record<string, unknown>>

const DEFAULTS = {
  abbr: '',
  longName: '',
  version: '',
  backgroundColor: '#5a5a8a',
  foregroundColor: '#ffffff',
  referenceLink: '',
} as const
const NAME = /^[a-z][a-z0-9-]{0,31}$/
const ABBR = /^[a-z0-9][\w/ .-]{0,31}$/i
const KEYS = ['name', 'transport', 'ports', 'pairing', ...Object.keys(DEFAULTS), 'probe', 'parse']
const MOST_PORTS = 64
const LONGEST = 200
