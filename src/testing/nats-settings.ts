import { configSchema } from '../config/schema.ts'

/** Settings of NATS as they are when nobody says otherwise. */
export const NATS_SETTINGS = configSchema.parse({}).nats
