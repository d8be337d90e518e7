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
