export { openClickHouseReader } from './query.ts'
export { openClickHouseSink } from './sink.ts'
