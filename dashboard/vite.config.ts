import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const here = fileURLToPath(new URL('.', import.meta.url))

/** `npx vite dashboard` serves the sources while they are edited, with the API of a hub that runs on this machine. */
export default defineConfig({
  root: here,
  plugins: [react(), { name: 'own-language-service', enforce: 'pre', transform: withoutLanguageService }],
  build: {
    outDir: fileURLToPath(new URL('../dist/dashboard', import.meta.url)),
    emptyOutDir: true,
    target: 'es2023',
    // Nothing inline: the page forbids it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4096,
    // On a busy machine everything is slow.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8899', ws: true, changeOrigin: true } } },
})

/** Of 7 MB, and never started: the editor has a language service of its own, with this one in it. */
function withoutLanguageService(code: string, id: string): string | undefined {
  return id.endsWith('/typescript/workerManager.js')
    ? code.replace(/createWorker: \(\) => new Worker\(.*\),/, '')
    : undefined
}
