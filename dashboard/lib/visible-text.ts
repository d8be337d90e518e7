/**
 * Text of the network as it can be shown: what would be invisible, move the cursor of a terminal or turn the direction of the
 * line around is shown as a sign of its own. Nothing else changes.
 */
export function visibleText(text: string): string {
  return UNSEEN.test(text) ? text.replace(UNSEEN_ALL, signFor) : text
}

/** The same in one line: line breaks and tabs become signs, too. */
export function visibleLine(text: string): string {
  return visibleText(text).replace(/[\t\n\r]/g, signFor)
}

/** At most so many characters, and whether that is all. Never half of a surrogate pair. */
export function cutText(text: string, most: number): { readonly text: string; readonly isWhole: boolean } {
  if (text.length <= most) return { text, isWhole: true }
  const last = text.charCodeAt(most - 1)
  const isHalf = last >= 0xd800 && last < 0xdc00
  return { text: text.slice(0, isHalf ? most - 1 : most), isWhole: false }
}

function signFor(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x20) return String.fromCodePoint(0x2400 + code)
  if (code === 0x7f) return '\u2421'
  return `\u2039U+${code.toString(16).toUpperCase().padStart(4, '0')}\u203a`
}

/** Controls but for tab and line breaks; marks of direction and what has no width; lone surrogates. */
const CLASS =
  '[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff\\ufff9-\\ufffb]|\\p{Surrogate}'
const UNSEEN = new RegExp(CLASS, 'u')
const UNSEEN_ALL = new RegExp(CLASS, 'gu')
