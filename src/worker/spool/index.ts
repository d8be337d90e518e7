export { removeSpool, removeStaleSpools, type SpoolOptions } from './options.ts'
export { SpoolReader } from './reader.ts'
export { type SpoolCounters, SpoolWriter } from './writer.ts'
