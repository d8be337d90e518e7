import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { run } from '../../src/testing/programs.ts'
import { REPOSITORY } from '../../src/testing/remora.ts'
import { recordOf } from '../kube/object.ts'

const FOLDER = join(REPOSITORY, 'deploy/image')
const BUILD = join(FOLDER, 'build.sh')

/** The image itself is built and run by test/drill/image.ts, which takes minutes. */
describe('the image', () => {
  test('has nothing that is for one architecture alone but Node, which there is for both', async () => {
    const lock = recordOf(JSON.parse(await readFile(join(REPOSITORY, 'package-lock.json'), 'utf8')))
    const packages = Object.entries(recordOf(lock.packages)).map(([path, each]) => ({
      path,
      ...recordOf(each),
    }))
    const shipped = packages.filter((each) => !('dev' in each) && !('devOptional' in each))
    const native = shipped.filter((each) => 'cpu' in each || 'hasInstallScript' in each)
    assert.deepEqual(
      native.map(({ path }) => path),
      ['darwin-arm64', 'linux-arm64', 'linux-x64'].map((name) =>
        name.startsWith('linux') ? `node_modules/node-${name}` : `node_modules/node-bin-${name}`,
      ),
    )
    const dockerfile = await readFile(join(FOLDER, 'Dockerfile'), 'utf8')
    assert.doesNotMatch(dockerfile, /x64|x86|amd64|arm64|aarch64/)
  })

  test('fetches nothing but packages of Debian', async () => {
    const dockerfile = await readFile(join(FOLDER, 'Dockerfile'), 'utf8')
    assert.doesNotMatch(dockerfile.replaceAll(/^#.*$/gm, ''), /https?:|curl|wget|npm|ADD /)
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base)
    assert.deepEqual([...new Set(bases)], [`$\{BASE}`, 'system'])
  })

  test('runs as nobody, and is told of what it is built with by who builds it', async () => {
    const dockerfile = await readFile(join(FOLDER, 'Dockerfile'), 'utf8')
    assert.match(dockerfile, /^USER 65532:65532$/m)
    for (const [args, said] of [
      [['--arch', 'riscv64'], /Node comes for amd64 and arm64, not for riscv64/],
      [['--fast'], /--fast is no option/],
    ] as const) {
      const { code, stderr } = await run(BUILD, args)
      assert.equal(code, 2)
      assert.match(stderr, said)
    }
  })
})
