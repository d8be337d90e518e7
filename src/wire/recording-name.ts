/** What a recording may be called: it stands in addresses, filters and names of folders. */
export const RECORDING_NAME = /^[a-z0-9][a-z0-9-]{0,59}$/
