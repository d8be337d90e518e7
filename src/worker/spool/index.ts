export { removeStaleSpools, type SpoolOptions } from './options.ts'
export { SpoolReader } from './reader.ts'
export { SpoolWriter } from './writer.ts'
