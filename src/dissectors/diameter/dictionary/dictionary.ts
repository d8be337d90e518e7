import { type Definition, Dictionary } from '../../aaa/dictionary.ts'
import { BASE } from './base.ts'
import { TGPP } from './tgpp.ts'

/** RFC 6733 §4.2, §4.3, and a few formats of 3GPP; a `secret` is masked. */
export type AvpType =
  | 'text'
  | 'octets'
  | 'secret'
  | 'integer'
  | 'integer64'
  | 'unsigned'
  | 'unsigned64'
  | 'float'
  | 'time'
  | 'address'
  | 'prefix'
  | 'digits'
  | 'plmn'
  | 'group'

/** By the vendor's number (0 = none) and the code. */
export function avpDefinition(vendor: number, code: number): Definition<AvpType> | undefined {
  return dictionary.find(vendor, String(code))
}

const dictionary = new Dictionary<AvpType>({ 0: BASE, 10415: TGPP })
