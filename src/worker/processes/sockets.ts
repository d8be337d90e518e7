import { canonicalAddress } from '../../cluster/networks.ts'

/** A socket that is connected, as the kernel lists it. */
export interface ConnectedSocket {
  /** `address:port` of this end, and of the other. */
  readonly local: string
  readonly remote: string
  readonly inode: string
}

/**
 * The connected sockets of a table of the kernel: `/proc/<pid>/net/tcp`, `tcp6`, `udp` or `udp6` (proc_pid_net(5)). Sockets that
 * listen, or are not connected, and those that no process has any more are left out; so are lines that make no sense.
 */
export function connectedSockets(table: string): ConnectedSocket[] {
  return table.split('\n').flatMap((line) => {
    const [, local = '', remote = '', , , , , , , inode = ''] = line.trim().split(/\s+/)
    const [own, other] = [endOf(local), endOf(remote)]
    if (own === undefined || other === undefined || other.endsWith(':0')) return []
    return /^[1-9]\d*$/.test(inode) ? [{ local: own, remote: other, inode }] : []
  })
}

/** `0100007F:1F90` is 127.0.0.1:8080: each word of the address is in the order of the machine, which is little-endian here. */
function endOf(text: string): string | undefined {
  const match = /^([\dA-F]{8}|[\dA-F]{32}):([\dA-F]{4})$/.exec(text)
  if (match === null) return undefined
  const [, address = '', port = ''] = match
  const bytes = (address.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).reverse())
  const plain =
    bytes.length === 4
      ? bytes.map((byte) => Number.parseInt(byte, 16)).join('.')
      : canonicalAddress((bytes.join('').match(/.{4}/g) ?? []).join(':'))
  return `${plain}:${Number.parseInt(port, 16)}`
}
