/**
 * Runs inside the realm of an agent, like `bootstrap`: makes what dissectors of scripts get to read, bytes held as a text
 * with a character each. Takes private copies of the built-ins that it uses; reads past the end give NaN or "".
 */
export function bytesView(): (text: string) => object {
  const S = String
  const apply = Reflect.apply
  const charCode = S.prototype.charCodeAt
  const slice = S.prototype.slice
  const indexOf = S.prototype.indexOf
  const fromCode = S.fromCharCode
  const freeze = Object.freeze
  const defineAs = Object.defineProperty
  const min = Math.min

  type View = { readonly length: number; readonly [TEXT]: string }
  const TEXT = Symbol('text')

  function byte(view: View, at: number): number {
    return apply(charCode, view[TEXT], [at]) as number
  }

  function part(view: View, start: unknown, end: unknown): string {
    const from = start === undefined ? 0 : +(start as number)
    return apply(slice, view[TEXT], [from, end === undefined ? view.length : +(end as number)]) as string
  }

  /** UTF-8 as text; what is none becomes U+FFFD. */
  function decode(bytes: string): string {
    let text = ''
    for (let at = 0; at < bytes.length; ) {
      const first = apply(charCode, bytes, [at]) as number
      const extra =
        first < 0x80
          ? 0
          : first >= 0xc2 && first < 0xe0
            ? 1
            : first >= 0xe0 && first < 0xf0
              ? 2
              : first >= 0xf0 && first < 0xf5
                ? 3
                : -1
      let code = extra <= 0 ? first : first & (0x3f >> extra)
      let taken = 1
      while (taken <= extra) {
        const next = apply(charCode, bytes, [at + taken]) as number
        if ((next & 0xc0) !== 0x80) break
        code = code * 64 + (next & 0x3f)
        taken++
      }
      const isShort = extra < 0 || taken <= extra
      const isWrong =
        isShort ||
        (extra === 2 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
        (extra === 3 && (code < 0x10000 || code > 0x10ffff))
      if (isWrong) text += '\ufffd'
      else if (code < 0x10000) text += apply(fromCode, S, [code])
      else
        text += apply(fromCode, S, [0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff)])
      at += isShort ? 1 : taken
    }
    return text
  }

  /** The number in `count` bytes from `at` on. */
  function number(view: View, at: unknown, count: number, isLittle: boolean): number {
    const from = +(at as number)
    let value = 0
    for (let index = 0; index < count; index++)
      value = value * 256 + byte(view, from + (isLittle ? count - 1 - index : index))
    return value
  }

  class Bytes {
    readonly length: number
    declare readonly [TEXT]: string
    constructor(text: string) {
      defineAs(this, TEXT, { __proto__: null, value: text } as PropertyDescriptor)
      this.length = text.length
      freeze(this)
    }
    u8(at: unknown) {
      return byte(this, +(at as number))
    }
    u16(at: unknown) {
      return number(this, at, 2, false)
    }
    u24(at: unknown) {
      return number(this, at, 3, false)
    }
    u32(at: unknown) {
      return number(this, at, 4, false)
    }
    u16le(at: unknown) {
      return number(this, at, 2, true)
    }
    u32le(at: unknown) {
      return number(this, at, 4, true)
    }
    text(start: unknown, end: unknown) {
      return decode(part(this, start, end))
    }
    latin1(start: unknown, end: unknown) {
      return part(this, start, end)
    }
    slice(start: unknown, end: unknown) {
      return new Bytes(part(this, start, end))
    }
    indexOf(what: unknown, from: unknown) {
      const text = typeof what === 'number' ? apply(fromCode, S, [what]) : S(what)
      // Longer ones would be compared at every byte.
      return apply(indexOf, this[TEXT], [
        apply(slice, text, [0, min(text.length, 256)]),
        +(from as number) || 0,
      ])
    }
    hex(start: unknown, end: unknown) {
      const bytes = part(this, start, end)
      let digits = ''
      for (let at = 0; at < bytes.length; at++) {
        const value = apply(charCode, bytes, [at]) as number
        digits += `${'0123456789abcdef'[value >> 4]}${'0123456789abcdef'[value & 15]}`
      }
      return digits
    }
    toString() {
      return this[TEXT]
    }
    toJSON() {
      return this[TEXT]
    }
  }

  freeze(Bytes.prototype)
  return (text) => new Bytes(text)
}
