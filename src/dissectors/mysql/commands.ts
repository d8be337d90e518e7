/**
 * Commands by their first byte, as MySQL's and MariaDB's `enum_server_command` name them.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase.html
 */
const NAMES: Readonly<Record<number, string>> = {
  1: 'COM_QUIT',
  2: 'COM_INIT_DB',
  3: 'COM_QUERY',
  4: 'COM_FIELD_LIST',
  5: 'COM_CREATE_DB',
  6: 'COM_DROP_DB',
  7: 'COM_REFRESH',
  8: 'COM_SHUTDOWN',
  9: 'COM_STATISTICS',
  10: 'COM_PROCESS_INFO',
  11: 'COM_CONNECT',
  12: 'COM_PROCESS_KILL',
  13: 'COM_DEBUG',
  14: 'COM_PING',
  15: 'COM_TIME',
  16: 'COM_DELAYED_INSERT',
  17: 'COM_CHANGE_USER',
  18: 'COM_BINLOG_DUMP',
  19: 'COM_TABLE_DUMP',
  20: 'COM_CONNECT_OUT',
  21: 'COM_REGISTER_SLAVE',
  22: 'COM_STMT_PREPARE',
  23: 'COM_STMT_EXECUTE',
  24: 'COM_STMT_SEND_LONG_DATA',
  25: 'COM_STMT_CLOSE',
  26: 'COM_STMT_RESET',
  27: 'COM_SET_OPTION',
  28: 'COM_STMT_FETCH',
  29: 'COM_DAEMON',
  30: 'COM_BINLOG_DUMP_GTID',
  31: 'COM_RESET_CONNECTION',
  32: 'COM_CLONE',
  33: 'COM_SUBSCRIBE_GROUP_REPLICATION_STREAM',
  250: 'COM_STMT_BULK_EXECUTE',
  254: 'COM_MULTI',
}

export const COM = {
  quit: 1,
  initDb: 2,
  query: 3,
  fieldList: 4,
  createDb: 5,
  dropDb: 6,
  refresh: 7,
  shutdown: 8,
  statistics: 9,
  processInfo: 10,
  processKill: 12,
  debug: 13,
  ping: 14,
  time: 15,
  changeUser: 17,
  binlogDump: 18,
  tableDump: 19,
  registerSlave: 21,
  prepare: 22,
  execute: 23,
  sendLongData: 24,
  closeStatement: 25,
  resetStatement: 26,
  setOption: 27,
  fetch: 28,
  binlogDumpGtid: 30,
  resetConnection: 31,
  clone: 32,
  subscribeGroup: 33,
  bulkExecute: 250,
  /** Of ours: what precedes all commands. */
  login: 256,
  sslRequest: 257,
  /** A reply was seen whose command was not. */
  unknown: -1,
} as const

export function commandName(code: number): string {
  if (code === COM.login) return 'Login'
  return code === COM.sslRequest ? 'SSLRequest' : (NAMES[code] ?? '')
}

/** A byte that may be first in a command. */
export function isCommand(code: number): boolean {
  return code in NAMES
}

/** Whether a command of so many bytes may be: most have a fixed length, or a shortest one. */
export function fitsCommand(code: number, length: number): boolean {
  const exact = EXACT[code]
  return exact === undefined ? length >= (SHORTEST[code] ?? 1) : length === exact
}

/** Bytes of commands that are always as long. */
const EXACT: Readonly<Record<number, number>> = {
  [COM.quit]: 1,
  [COM.statistics]: 1,
  [COM.processInfo]: 1,
  [COM.processKill]: 5,
  [COM.debug]: 1,
  [COM.ping]: 1,
  [COM.time]: 1,
  [COM.closeStatement]: 5,
  [COM.resetStatement]: 5,
  [COM.setOption]: 3,
  [COM.fetch]: 9,
  [COM.resetConnection]: 1,
}

const SHORTEST: Readonly<Record<number, number>> = {
  [COM.fieldList]: 2,
  [COM.refresh]: 2,
  [COM.changeUser]: 4,
  [COM.binlogDump]: 11,
  [COM.registerSlave]: 18,
  [COM.execute]: 10,
  [COM.sendLongData]: 7,
  [COM.binlogDumpGtid]: 19,
  [COM.bulkExecute]: 7,
}

/** The server says nothing to these. */
export function hasNoReply(code: number): boolean {
  return code === COM.quit || code === COM.closeStatement || code === COM.sendLongData
}

/** The reply goes on and on: events of a binary log, pages of a clone. */
export function isStream(code: number): boolean {
  return (
    code === COM.binlogDump ||
    code === COM.binlogDumpGtid ||
    code === COM.tableDump ||
    code === COM.clone ||
    code === COM.subscribeGroup
  )
}

/** The server checks who the user is; both may say several things before it is done. */
export function isLogin(code: number): boolean {
  return code === COM.login || code === COM.changeUser
}
