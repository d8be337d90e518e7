import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { succeeds } from '../../testing/loopback.ts'
import { until } from '../../testing/until.ts'
import { placementOf } from './cgroup.ts'
import { ProcessFinder } from './process-finder.ts'
import { connectedSockets } from './sockets.ts'

const ID = 'a'.repeat(63).concat('7')
const UID = '2c8f9b1e-0f5d-4a55-9d5e-7d9f5f1f0a11'

describe('the control group of a process', () => {
  const in64 = (path: string) => Object.values(placementOf(path)).slice(1)

  test('says its container and its pod, in the ways of each runtime', () => {
    const systemd = `kubepods-burstable-pod${UID.replaceAll('-', '_')}.slice`
    for (const path of [
      `0::/kubepods.slice/kubepods-burstable.slice/${systemd}/cri-containerd-${ID}.scope`,
      `0::/kubepods.slice/kubepods-burstable.slice/${systemd}/crio-${ID}.scope`,
      `0::/kubepods/burstable/pod${UID}/${ID}`,
      `0::/../../${systemd}/cri-containerd-${ID}.scope`,
      `12:cpuset:/\n11:memory:/kubepods/besteffort/pod${UID}/${ID}\n1:name=systemd:/`,
      `11:pids:/system.slice/containerd.service/${systemd}:cri-containerd:${ID}`,
    ])
      assert.deepEqual(in64(path), [ID, UID], path)
    for (const path of [
      `0::/system.slice/docker-${ID}.scope`,
      `0::/docker/${ID}`,
      `0::/machine.slice/libpod-${ID}.scope`,
    ])
      assert.deepEqual(in64(path), [ID, ''], path)
  })

  test('says nothing of those that run in none', () => {
    assert.deepEqual(placementOf('0::/'), { cgroupId: '', containerId: '', podUid: '' })
    assert.deepEqual(placementOf('0::/user.slice/session-1.scope'), {
      ...{ cgroupId: '/user.slice/session-1.scope', containerId: '', podUid: '' },
    })
    assert.deepEqual(in64(''), ['', ''])
    assert.deepEqual(in64(`0::/${'a'.repeat(70)}`), ['', ''])
  })
})

test('tables of the kernel tell connected sockets, of both versions of IP', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 100 1 0 100 0 0 10 0
   1: 0100007F:1F90 0200000A:C350 01 00000000:00000000 00:00000000 00000000  1000        0 101 1 0 20 4 30 10 -1
   2: 0100007F:1F90 0200000A:C351 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0
   3: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000200000A:C352 01 00000000:00000000 00:00000000 00000000 0 0 102 1
   4: 000000FD000000000000000001000000:0050 000000FD000000000000000002000000:C353 01 00000000:00000000 00:00000000 00000000 0 0 103 1
   5: broken`
  assert.deepEqual(connectedSockets(table), [
    { local: '127.0.0.1:8080', remote: '10.0.0.2:50000', inode: '101' },
    { local: '127.0.0.1:8080', remote: '10.0.0.2:50002', inode: '102' },
    { local: 'fd00::1:80', remote: 'fd00::2:50003', inode: '103' },
  ])
})

describe('processes of connections', () => {
  test('are found on this machine, also behind network namespaces, and forgotten after a while', async (t) => {
    if (!hasNamespaces(t)) return
    const space = await Namespace.start(t)
    const here = createServer()
    const sockets: Socket[] = []
    here.on('connection', (socket) => sockets.push(socket))
    await new Promise<void>((resolve) => here.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      here.close()
      for (const socket of sockets) socket.destroy()
    })
    const { port } = here.address() as { port: number }
    const client = spawn(process.execPath, ['-e', connectTo('127.0.0.1', port)], { stdio: 'ignore' })
    t.after(() => client.kill('SIGKILL'))
    await until(() => sockets.length > 0)
    const away = space.run(`${serve(7000)};${connectTo('127.0.0.1', 7000)}`)
    await once(away.stdout as NodeJS.ReadableStream, 'data')

    const finder = new ProcessFinder()
    const { found } = finder.look()
    const of = (local: string, remote: string) =>
      found.find(
        ([ends]) =>
          (ends.startsWith(`${local}:`) && ends.endsWith(` ${remote}`)) || ends === `${local} ${remote}`,
      )?.[1]
    const [, peer] = found.find(([ends]) => ends.startsWith(`127.0.0.1:${port} `)) ?? []
    assert.equal(peer?.hostProcessId, process.pid)
    const asking = of('127.0.0.1', `127.0.0.1:${port}`)
    assert.partialDeepStrictEqual(asking, {
      hostProcessId: client.pid,
      hostParentProcessId: process.pid,
      processPath: process.execPath,
    })
    assert.match(String(asking?.socketId), /^\d+$/)
    const inside = of('127.0.0.1', '127.0.0.1:7000')
    assert.equal(inside?.hostProcessId, away.pid)

    client.kill('SIGKILL')
    await once(client, 'close')
    for (const socket of sockets) socket.destroy()
    const gone: string[] = []
    for (let at = 0; at < 17; at++) gone.push(...finder.look().gone)
    assert.ok(gone.some((ends) => ends.endsWith(` 127.0.0.1:${port}`)))
  })

  test('are nobody when two namespaces have the same ends', async (t) => {
    if (!hasNamespaces(t)) return
    const [one, other] = [await Namespace.start(t), await Namespace.start(t)]
    const both = [one, other].map((space) =>
      space.run(`${serve(7001)};${connectTo('127.0.0.1', 7001, 40_001)}`),
    )
    for (const each of both) await once(each.stdout as NodeJS.ReadableStream, 'data')
    const finder = new ProcessFinder()
    const { found } = finder.look()
    assert.equal(
      found.find(([ends]) => ends === '127.0.0.1:40001 127.0.0.1:7001'),
      undefined,
    )
  })

  test('are none where there is nothing to read', () => {
    assert.throws(() => new ProcessFinder('/no/such/folder').look(), /ENOENT/)
    assert.deepEqual(new ProcessFinder('/sys/kernel').look(), { found: [], gone: [] })
  })
})

function hasNamespaces(t: TestContext): boolean {
  return succeeds(t, 'network namespaces', 'ip netns add remora-try && ip netns del remora-try')
}

/** Says that a connection is there by printing something. */
function connectTo(host: string, port: number, from = 0): string {
  const options = JSON.stringify({ host, port, ...(from === 0 ? {} : { localPort: from }) })
  return `require('net').connect(${options}, () => console.log('connected'))`
}

function serve(port: number): string {
  return `require('net').createServer().listen(${port}, '127.0.0.1')`
}

class Namespace {
  readonly #name: string
  readonly #t: TestContext

  static async start(t: TestContext): Promise<Namespace> {
    const name = `remora-${process.pid}-${Math.random().toString(36).slice(2, 8)}`
    spawnSync('ip', ['netns', 'add', name])
    spawnSync('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
    t.after(() => spawnSync('ip', ['netns', 'del', name]))
    return new Namespace(t, name)
  }

  private constructor(t: TestContext, name: string) {
    this.#t = t
    this.#name = name
  }

  run(script: string) {
    const child = spawn('ip', ['netns', 'exec', this.#name, process.execPath, '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#t.after(() => child.kill('SIGKILL'))
    return child
  }
}
