export { removeSpool, removeStaleSpools, type SpoolOptions } from './options.ts'
export { SpoolReader } from './reader.ts'
export { SpoolPackets } from './spool-packets.ts'
export { type SpoolCounters, SpoolWriter } from './writer.ts'
