import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { certificate } from './certificate.ts'
import { freePort, untilListening } from './ports.ts'
import { tempFolder } from './temp-folder.ts'

/** An nginx with TLS for one test, and the certificate to trust. `locations` is what is in its `server`. */
export async function nginx(
  t: TestContext,
  locations: string,
): Promise<{ readonly url: string; readonly ca: string }> {
  const [folder, port, { cert, certFile, keyFile }] = await Promise.all([
    tempFolder(t),
    freePort(),
    certificate(t),
  ])
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/errors.log; user root; events {}
http {
  ${temporary.join(' ')}
  access_log off;
  limit_req_zone $binary_remote_addr zone=rare:1m rate=1r/m;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${certFile};
    ssl_certificate_key ${keyFile};
    ${locations}
  }
}`,
  )
  const server = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' })
  const ended = once(server, 'close')
  t.after(async () => {
    server.kill('SIGTERM')
    await ended
  })
  await untilListening(port, server)
  return { url: `https://localhost:${port}`, ca: cert }
}
