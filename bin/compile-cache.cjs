'use strict'
// Keeps what V8 and type stripping made of our sources, so that the next start is four times as fast. In the user's
// own cache: whoever could write into it would run code as that user, and the default is below the shared /tmp.
const { createHash } = require('node:crypto')
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs')
const { enableCompileCache, registerHooks, stripTypeScriptTypes } = require('node:module')
const { homedir } = require('node:os')
const { join, sep } = require('node:path')
const { fileURLToPath } = require('node:url')
const { threadId } = require('node:worker_threads')

const cache = process.env.XDG_CACHE_HOME || homeCache()
if (cache !== undefined) enableCompileCache(join(cache, 'remora', 'compile-cache'))
sayNothingOfKnownWarnings()
if (__dirname.includes(`${sep}node_modules${sep}`)) stripOurselves(join(__dirname, '..', 'src'))

/** Undefined for a user that the system does not know, without HOME. */
function homeCache() {
  try {
    return join(homedir(), '.cache')
  } catch {
    return undefined
  }
}

/** Node strips no types below node_modules, where an installed package is. */
function stripOurselves(folder) {
  const load = (url, context, next) => {
    const path = url.startsWith('file:') && url.endsWith('.ts') ? fileURLToPath(url) : ''
    if (!path.startsWith(folder)) return next(url, context)
    return { format: 'module', shortCircuit: true, source: stripped(readFileSync(path, 'utf8')) }
  }
  registerHooks({ load })
}

/**
 * Warnings that are no news to users: that stripping types, which is how Remora runs, is new, and that a timer was set to a
 * moment that is over, which kafkajs does all the time, and which does no harm.
 */
function sayNothingOfKnownWarnings() {
  const known = ['ExperimentalWarning', 'TimeoutNegativeWarning']
  process.removeAllListeners('warning')
  process.on('warning', (warning) => known.includes(warning.name) || console.error(warning))
}

/** From the cache, or else made and put there: the compile cache does not hold what a hook hands over. */
function stripped(text) {
  if (cache === undefined) return stripTypeScriptTypes(text)
  const folder = join(cache, 'remora', 'stripped')
  const file = join(folder, createHash('sha256').update(process.version).update(text).digest('hex'))
  try {
    return readFileSync(file, 'utf8')
  } catch {
    const source = stripTypeScriptTypes(text)
    keep(folder, file, source)
    return source
  }
}

function keep(folder, file, source) {
  const draft = `${file}.${process.pid}.${threadId}`
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(draft, source)
    renameSync(draft, file)
  } catch {
    // It is made again the next time.
  }
}
