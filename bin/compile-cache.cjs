'use strict'
// Keeps what V8 and type stripping made of our sources, so that the next start is four times as fast. In the user's
// own cache: whoever could write into it would run code as that user, and the default is below the shared /tmp.
const { enableCompileCache } = require('node:module')
const { homedir } = require('node:os')
const { join } = require('node:path')

enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'remora', 'compile-cache'))
