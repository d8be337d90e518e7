'use strict'
// Keeps what V8 and type stripping made of our sources, so that the next start is four times as fast. In the user's
// own cache: whoever could write into it would run code as that user, and the default is below the shared /tmp.
const { enableCompileCache } = require('node:module')
const { homedir } = require('node:os')
const { join } = require('node:path')

const folder = process.env.XDG_CACHE_HOME || homeCache()
if (folder !== undefined) enableCompileCache(join(folder, 'remora', 'compile-cache'))

/** Undefined for a user that the system does not know, without HOME. */
function homeCache() {
  try {
    return join(homedir(), '.cache')
  } catch {
    return undefined
  }
}
