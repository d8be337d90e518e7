/** Text of an address as `Packet` has it: dotted decimal, or RFC 5952 for IPv6. */
export function addressText(
  version: number,
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): string {
  return version === 6 ? ipv6Text(word0, word1, word2, word3) : ipv4Text(word0)
}

export function ipv4Text(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups as `::`, mapped IPv4 dotted. */
export function ipv6Text(word0: number, word1: number, word2: number, word3: number): string {
  if (word0 === 0 && word1 === 0 && word2 === 0xffff) return `::ffff:${ipv4Text(word3)}`
  const groups = [word0, word1, word2, word3].flatMap((word) => [(word >>> 16) & 0xffff, word & 0xffff])
  const { start, length } = longestZeros(groups)
  if (length < 2) return groups.map(hexGroup).join(':')
  return `${groups.slice(0, start).map(hexGroup).join(':')}::${groups
    .slice(start + length)
    .map(hexGroup)
    .join(':')}`
}

function hexGroup(group: number): string {
  return group.toString(16)
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}

/** The words of an address as `Packet` has them, the other way round; undefined where the text is none. */
export function addressWords(text: string): readonly [number, number, number, number] | undefined {
  if (!text.includes(':')) {
    const word = ipv4Word(text)
    return word === undefined ? undefined : [word, 0, 0, 0]
  }
  const [head = '', tail, ...more] = text.split('::')
  if (more.length > 0) return undefined
  const before = groupsOf(head)
  const after = tail === undefined ? [] : groupsOf(tail)
  const missing = 8 - before.length - after.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...before, ...Array<number>(missing).fill(0), ...after]
  if (groups.some((group) => !Number.isInteger(group))) return undefined
  const word = (at: number) => ((groups[at] as number) << 16) | (groups[at + 1] as number)
  return [word(0), word(2), word(4), word(6)]
}

/** Groups of a part of an IPv6 address, the last two of which may be written as IPv4; NaN for what is none. */
function groupsOf(part: string): number[] {
  if (part === '') return []
  return part.split(':').flatMap((group) => {
    if (/^[\da-f]{1,4}$/i.test(group)) return [Number.parseInt(group, 16)]
    const word = ipv4Word(group)
    return word === undefined ? [Number.NaN] : [word >>> 16, word & 0xffff]
  })
}

function ipv4Word(text: string): number | undefined {
  const bytes = text.split('.').map((byte) => (/^\d{1,3}$/.test(byte) ? Number(byte) : Number.NaN))
  if (bytes.length !== 4 || !bytes.every((byte) => byte <= 255)) return undefined
  return bytes.reduce((word, byte) => (word << 8) | byte, 0)
}
