export { openEntryReader } from './reader.ts'
export { openEntryWriter } from './writer.ts'
