import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type {} from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Where the package has the dashboard, once it is built. */
export const DASHBOARD_FOLDER = fileURLToPath(new URL('../../../dist/dashboard/', import.meta.url))

/** Whether there is a page to look at. */
export function isDashboardBuilt(folder = DASHBOARD_FOLDER): boolean {
  return isBuilt(folder, INDEX)
}

/** Lets answers send files of the dashboard, which was built into `folder`, or will be. */
export async function readyDashboard(app: FastifyInstance, folder: string): Promise<void> {
  // Loading it needs a working folder, which commands that serve nothing can do without.
  const { default: staticFiles } = await import('@fastify/static')
  await app.register(staticFiles, {
    root: resolve(folder),
    serve: false,
    preCompressed: true,
    suppressWarning: true,
  })
}

/**
 * Answers what is asked of the page that people look at: on every path that is nobody else's. Its files are for everybody,
 * like those of any page with a login; what it shows comes from the API, which asks for tokens. Undefined: this is not for it.
 */
export function answerFromDashboard(
  request: FastifyRequest,
  reply: FastifyReply,
  folder: string,
): FastifyReply | undefined {
  const path = request.url.split('?')[0] ?? ''
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
  if (path === '/api' || path.startsWith('/api/')) return undefined
  if (isBuilt(folder, path)) return sendFile(reply, path)
  // Every address of the dashboard is the same page, which reads the address by itself. curl takes anything: it gets the first one.
  const { accept = '*/*' } = request.headers
  const isForPeople = accept.includes('text/html') || (path === '/' && accept.includes('*/*'))
  return isForPeople ? sendPage(reply, folder) : undefined
}

function sendFile(reply: FastifyReply, path: string): FastifyReply {
  const caching = path.startsWith(HASHED) ? { maxAge: YEAR_MS, immutable: true } : { cacheControl: false }
  if (!path.startsWith(HASHED)) reply.header('cache-control', 'no-cache')
  return reply.status(200).headers(SAFE).sendFile(path, caching)
}

function sendPage(reply: FastifyReply, folder: string): FastifyReply {
  // It may be built while the hub runs.
  if (isBuilt(folder, INDEX)) return sendFile(reply, INDEX)
  return reply.status(503).headers(SAFE).header('cache-control', 'no-store').type(HTML).send(NOT_BUILT)
}

/** Names of the build are plain: what has anything else in it, such as `..` or `%2e`, is none of them. */
function isBuilt(folder: string, path: string): boolean {
  if (!BUILT_NAME.test(path)) return false
  return statSync(join(folder, path), { throwIfNoEntry: false })?.isFile() === true
}

const INDEX = '/index.html'
const BUILT_NAME = /^(\/[\w-][\w.-]*)+$/
/** What is below has its hash in its name. */
const HASHED = '/assets/'
const YEAR_MS = 365 * 24 * 60 * 60 * 1000
const HTML = 'text/html; charset=utf-8'

/** The page runs its own scripts alone, talks to its own hub alone, and is shown in nobody's frame. */
const SAFE = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
} as const

const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Remora</title>
<style>
  :root { color-scheme: light dark }
  body { font: 1rem/1.6 system-ui, sans-serif; max-width: 38rem; margin: 15vh auto; padding: 0 1.5rem }
</style>
<main>
  <h1>The dashboard is not built</h1>
  <p>The hub runs, and <a href="/api/v1/openapi.json">its API</a> answers. Build the dashboard in the folder of Remora,
  and load this page again:</p>
  <pre><code>node scripts/build-dashboard.ts</code></pre>
</main>
</html>
`
