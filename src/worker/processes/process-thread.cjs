'use strict'
// A thread has no compile cache until it asks for it, which must come before the first import.
require('../../../bin/compile-cache.cjs')
void import('./process-thread.ts')
