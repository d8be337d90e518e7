'use strict'
// A process of its own: whatever a capture does to it, the hub does not notice. It ends with who started it.
require('../../bin/compile-cache.cjs')
process.once('disconnect', () => process.exit())
void import('./capture-reader.ts')
