#!/usr/bin/env node
'use strict'
// Starts Remora under the Node that comes with it, whatever Node the system has. Plain CommonJS for old ones.
const { spawn } = require('node:child_process')
const { existsSync } = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')

const NEEDED = 26
/** Under that name kubectl starts us, for `kubectl remora`. */
const isPlugin = path.basename(process.argv[1]) === 'kubectl-remora'
const main = path.join(__dirname, '..', 'src', 'cli', isPlugin ? 'kubectl-remora.ts' : 'main.ts')

if (Number(process.versions.node.split('.')[0]) >= NEEDED) {
  require('./compile-cache.cjs')
  endWithLauncher()
  import(pathToFileURL(main).href).catch((error) => {
    console.error(error)
    process.exit(1)
  })
} else {
  const node = packagedNode()
  if (node === undefined) {
    console.error(
      `remora: needs Node ${NEEDED} or newer; this is ${process.version}, and the packaged one was not installed.`,
    )
    console.error('        Run `npm ci` without --omit=optional, on Linux (x64, arm64) or macOS (arm64).')
    process.exit(2)
  }
  replaceBy(node, [process.argv[1], ...process.argv.slice(2)])
}

/** A launcher that was killed could not tell us: what it tells us by is gone then. */
function endWithLauncher() {
  if (process.channel === undefined) return
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel.unref()
}

/** The Node binary of the platform package, next to us or hoisted above us. */
function packagedNode() {
  const names = [`node-${process.platform}-${process.arch}`, `node-bin-${process.platform}-${process.arch}`]
  for (const name of names) {
    try {
      const binary = path.join(path.dirname(require.resolve(`${name}/package.json`)), 'bin', 'node')
      if (existsSync(binary)) return binary
    } catch {
      // Not for this platform.
    }
  }
  return undefined
}

/** Runs in our place: same terminal, same signals, same exit code. */
function replaceBy(program, args) {
  const child = spawn(program, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })
  // From a terminal it has them already, which it takes for one; whoever signals us by our number means it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    throw error
  })
  child.on('exit', (status, signal) => {
    if (signal === null) process.exit(status)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
