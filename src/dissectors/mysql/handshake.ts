import { Cursor } from './cursor.ts'

/**
 * Capability flags that change what is on the wire.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/group__group__cs__capabilities__flags.html
 */
export const CAN = {
  /** MySQL's CLIENT_LONG_PASSWORD, MariaDB's CLIENT_MYSQL: without it, MariaDB's own flags are there. */
  mysql: 1,
  connectWithDb: 1 << 3,
  compress: 1 << 5,
  protocol41: 1 << 9,
  ssl: 1 << 11,
  secureConnection: 1 << 15,
  pluginAuth: 1 << 19,
  connectAttributes: 1 << 20,
  lenencAuth: 1 << 21,
  deprecateEof: 1 << 24,
  zstd: 1 << 26,
  queryAttributes: 1 << 27,
} as const

/** MariaDB's extended metadata: definitions of columns have one text more. */
export const EXTENDED_METADATA = 1 << 3

/** What the server says first. */
export interface Greeting {
  readonly serverVersion: string
  readonly connectionId: number
  readonly authPlugin: string
  readonly capabilities: number
  /** MariaDB's own. */
  readonly extended: number
}

/**
 * Protocol::HandshakeV10 and V9; undefined when it is neither. What follows the version and the number is not there in
 * all versions of servers; the bytes that passwords are mixed with are stepped over.
 */
export function readGreeting(bytes: Uint8Array, start: number, end: number): Greeting | undefined {
  const cursor = new Cursor(bytes, start, end)
  const protocol = cursor.u8()
  const serverVersion = cursor.nulText()
  const connectionId = cursor.u32()
  if (protocol === V9) {
    if (cursor.isBroken) return undefined
    return { serverVersion, connectionId, authPlugin: '', capabilities: 0, extended: 0 }
  }
  cursor.skip(8)
  const filler = cursor.u8()
  const low = cursor.u16()
  if (cursor.isBroken || protocol !== V10 || filler !== 0) return undefined
  if (cursor.left === 0)
    return { serverVersion, connectionId, authPlugin: '', capabilities: low, extended: 0 }
  cursor.skip(3)
  const capabilities = (low | (cursor.u16() << 16)) >>> 0
  const authLength = cursor.u8()
  cursor.skip(6)
  const extended = cursor.u32()
  if ((capabilities & CAN.secureConnection) !== 0) cursor.skip(Math.max(13, authLength - 8))
  // MySQL before 5.5.10 ends the name with the packet.
  const authPlugin = (capabilities & CAN.pluginAuth) === 0 ? '' : cursor.rest()
  return {
    serverVersion,
    connectionId,
    authPlugin,
    capabilities,
    extended: (capabilities & CAN.mysql) === 0 ? extended : 0,
  }
}

/** What the client answers, without the proof that it knows the password. */
export interface LoginFields {
  readonly user: string
  readonly database: string
  readonly authPlugin: string
  readonly attributes: Readonly<Record<string, string>>
  readonly capabilities: number
  readonly extended: number
}

/** Protocol::HandshakeResponse41 and 320; undefined when it is neither. */
export function readLogin(bytes: Uint8Array, start: number, end: number): LoginFields | undefined {
  const cursor = new Cursor(bytes, start, end)
  const low = cursor.u16()
  if ((low & CAN.protocol41) === 0) return readLogin320(cursor, low)
  const capabilities = (low | (cursor.u16() << 16)) >>> 0
  cursor.skip(4 + 1 + 19)
  const extended = cursor.u32()
  const own = (capabilities & CAN.mysql) === 0 ? extended : 0
  if (cursor.isBroken) return undefined
  const user = cursor.nulText()
  if (cursor.isBroken) return undefined
  skipProof(cursor, capabilities)
  // Some clients set the flag and leave the database out.
  const database = (capabilities & CAN.connectWithDb) === 0 || cursor.left === 0 ? '' : cursor.nulText()
  return { user, database, ...rest(cursor, capabilities), capabilities, extended: own }
}

/** Protocol::SSLRequest: the beginning of a login, after which TLS begins. */
export function isSslRequest(bytes: Uint8Array, start: number, end: number): boolean {
  const cursor = new Cursor(bytes, start, end)
  const low = cursor.u16()
  if ((low & CAN.ssl) === 0) return false
  return end - start === ((low & CAN.protocol41) === 0 ? SSL_REQUEST_320 : SSL_REQUEST)
}

/** The packet of COM_CHANGE_USER, without its first byte. */
export function readChangeUser(
  bytes: Uint8Array,
  start: number,
  end: number,
  capabilities: number,
): Omit<LoginFields, 'capabilities' | 'extended'> {
  const cursor = new Cursor(bytes, start, end)
  const user = cursor.nulText()
  skipProof(cursor, capabilities & ~CAN.lenencAuth)
  const database = cursor.nulText()
  // The character set.
  if (cursor.left > 0) cursor.skip(2)
  return { user, database, ...rest(cursor, capabilities) }
}

function readLogin320(cursor: Cursor, capabilities: number): LoginFields | undefined {
  cursor.skip(3)
  const user = cursor.nulText()
  if (cursor.isBroken) return undefined
  const hasDatabase = (capabilities & CAN.connectWithDb) !== 0
  if (hasDatabase) cursor.nulText()
  const database = hasDatabase ? cursor.rest() : ''
  return { user, database, authPlugin: '', attributes: {}, capabilities, extended: 0 }
}

function skipProof(cursor: Cursor, capabilities: number): void {
  if ((capabilities & CAN.lenencAuth) !== 0) cursor.skipText()
  else if ((capabilities & CAN.secureConnection) !== 0) cursor.skip(cursor.u8())
  else cursor.nulText()
}

function rest(cursor: Cursor, capabilities: number): Pick<LoginFields, 'authPlugin' | 'attributes'> {
  const authPlugin = (capabilities & CAN.pluginAuth) === 0 || cursor.left === 0 ? '' : cursor.nulText()
  const attributes: Record<string, string> = {}
  if ((capabilities & CAN.connectAttributes) !== 0 && cursor.left > 0) {
    const until = Math.min(cursor.lenenc() + cursor.at, cursor.end)
    while (cursor.at < until && !cursor.isBroken) {
      const name = cursor.value() ?? ''
      const value = cursor.value() ?? ''
      if (!cursor.isBroken && name !== '__proto__') attributes[name] = value
    }
  }
  return { authPlugin, attributes }
}

export const V9 = 9
export const V10 = 10
const SSL_REQUEST = 32
const SSL_REQUEST_320 = 5
