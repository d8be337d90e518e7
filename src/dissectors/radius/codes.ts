/** https://www.iana.org/assignments/radius-types: RADIUS Packet Type Codes. */
const REQUESTS: Readonly<Record<number, string>> = {
  1: 'Access-Request',
  4: 'Accounting-Request',
  6: 'Accounting-Status',
  7: 'Password-Request',
  10: 'Accounting-Message',
  12: 'Status-Server',
  13: 'Status-Client',
  21: 'Resource-Free-Request',
  23: 'Resource-Query-Request',
  25: 'Alternate-Resource-Reclaim-Request',
  26: 'NAS-Reboot-Request',
  33: 'Event-Request',
  40: 'Disconnect-Request',
  43: 'CoA-Request',
  50: 'IP-Address-Allocate',
  51: 'IP-Address-Release',
}
const REPLIES: Readonly<Record<number, string>> = {
  2: 'Access-Accept',
  3: 'Access-Reject',
  5: 'Accounting-Response',
  8: 'Password-Ack',
  9: 'Password-Reject',
  11: 'Access-Challenge',
  22: 'Resource-Free-Response',
  24: 'Resource-Query-Response',
  27: 'NAS-Reboot-Response',
  29: 'Next-Passcode',
  30: 'New-Pin',
  31: 'Terminate-Session',
  32: 'Password-Expired',
  34: 'Event-Response',
  41: 'Disconnect-ACK',
  42: 'Disconnect-NAK',
  44: 'CoA-ACK',
  45: 'CoA-NAK',
  52: 'Protocol-Error',
}

export function codeName(code: number): string {
  return REQUESTS[code] ?? REPLIES[code] ?? `Code ${code}`
}

export function isRequest(code: number): boolean {
  return REQUESTS[code] !== undefined
}

export function isReply(code: number): boolean {
  return REPLIES[code] !== undefined
}
