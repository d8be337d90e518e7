export { type RecordingSettings, Recordings } from './recordings.ts'
