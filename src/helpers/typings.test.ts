import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { generated, staleFiles, writeGenerated } from '../../scripts/gen.ts'
import { number, object, text, textMap } from '../entry/shape.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { allHelpers } from './dispatch.ts'
import { HOOKS, hooks } from './hooks.ts'
import { namespaces } from './index.ts'
import { type ProtocolShapes, typings } from './typings.ts'

const TSC = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc')
const JSCONFIG = {
  compilerOptions: { lib: ['es5'], types: [], allowJs: true, checkJs: true, strict: true, noEmit: true },
  include: ['*.js', '*.d.ts'],
}

/** What the compiler says of scripts beside the typings, line by line; no line when all is well. */
async function check(
  folder: string,
  dts: string,
  scripts: Readonly<Record<string, string>>,
  more: { readonly noImplicitAny?: boolean } = {},
) {
  await mkdir(folder, { recursive: true })
  const config = { ...JSCONFIG, compilerOptions: { ...JSCONFIG.compilerOptions, ...more } }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
  await writeFile(join(folder, 'remora.d.ts'), dts)
  for (const [name, script] of Object.entries(scripts)) await writeFile(join(folder, name), script)
  return await new Promise<string[]>((resolve) => {
    execFile(process.execPath, [TSC, '-p', folder, '--pretty', 'false'], (_, stdout, stderr) =>
      resolve((stdout + stderr).split('\n').filter((line) => line !== '')),
    )
  })
}

/** Each example a script of its own, as far as the compiler is concerned; hooks get their type. */
function asScript(example: string): string {
  const typed = example.replace(
    /^function (on[A-Z]\w*)/gm,
    (line, name: string) => `/** @type {O${name.slice(1)}} */\n${line}`,
  )
  return `(function () {\n${typed}\n})()\n`
}

const SHOP: ProtocolShapes = {
  name: 'shop',
  protocols: [
    {
      name: 'shop',
      version: '1',
      abbr: 'SHOP',
      longName: 'Shop Protocol',
      macro: 'shop',
      backgroundColor: '',
      foregroundColor: '',
      fontSize: 12,
      referenceLink: '',
      ports: [],
      layer4: 'tcp',
      layer3: 'ip',
      priority: 1,
    },
  ],
  request: object('An order', { item: text('What'), 'x-odd name': text('Odd'), headers: textMap('Headers') }),
  response: object('A receipt', { status: number('How it went'), total: number('Price') }),
}
const [SHOP_PROTOCOL] = SHOP.protocols
assert.ok(SHOP_PROTOCOL)
const SAME_OVER_UDP: ProtocolShapes = { ...SHOP, name: 'shop-udp' }
const NOTICE: ProtocolShapes = {
  name: 'notice',
  protocols: [{ ...SHOP_PROTOCOL, name: 'notice' }],
  request: object('None', {}),
  response: object('None', {}),
  data: object('A notice', { notice: text('What it says') }),
}
const BANK: ProtocolShapes = {
  name: 'bank',
  protocols: [{ ...SHOP_PROTOCOL, name: 'bank' }],
  request: object('A payment', { amount: number('How much') }),
  response: object('A receipt', { status: text('In words') }),
}

describe('remora.d.ts', () => {
  test('compiles with the es5 library alone, and every example with it', async (t) => {
    const dts = (await generated()).get('remora.d.ts') ?? ''
    const examples = [
      ...[...allHelpers(namespaces)].map(([path, { example }]) => [`helper-${path}.js`, example] as const),
      ...HOOKS.map((name) => [`hook-${name}.js`, hooks[name].example] as const),
    ]
    const scripts = Object.fromEntries(examples.map(([name, example]) => [name, asScript(example)]))
    assert.deepEqual(await check(await tempFolder(t), dts, scripts), [])
  })

  test('compiles every script of the page on integrations', async (t) => {
    const page = await readFile(join(import.meta.dirname, '../../docs/integrations.md'), 'utf8')
    const blocks = [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    assert.equal(blocks.length * 2, page.match(/^```/gm)?.length)
    const scripts = blocks.flatMap(([, language, code = ''], at) => {
      assert.doesNotMatch(code, /^## /m)
      return language === 'js' ? [[`script-${at}.js`, asScript(code)] as const] : []
    })
    const dts = (await generated()).get('remora.d.ts') ?? ''
    const found = await check(await tempFolder(t), dts, Object.fromEntries(scripts), { noImplicitAny: false })
    assert.deepEqual(found, [])
  })

  test('knows what scripts may and may not do', async (t) => {
    const folder = await tempFolder(t)
    const dts = typings(namespaces, hooks, [SHOP, SAME_OVER_UDP, BANK, NOTICE])
    const fine = `
      /** @type {OnItemCaptured} */
      function onItemCaptured(data) {
        if (data.request && data.request.item) console.log(data.request.item, data.request.amount)
        if (data.response && data.response.status === 500) test.fail(data)
        if (data.response && data.response.status >= 500 && data.protocol.name !== 'of an agent') test.fail(data)
        ;[data.request, data.response].forEach(function (message) { if (message) console.log(message.item) })
        var total = data.response && data.response.total || 0
        console.log(total.toFixed(2), data.src.port.length, data.namespace, data.elapsedTime, env.TOKEN)
        if (data.data) console.log(data.data.notice)
      }
      setTimeout(function () { jobs.scheduler.stop() }, 10)
      jobs.schedule('a', '* * * * * *', function (/** @type {boolean} */ flag) { return flag }, 0, true)
      file.delete('x')
      vendor.webhook('POST', 'http://a/', { any: ['thing'] })
    `
    assert.deepEqual(await check(join(folder, 'fine'), dts, { 'fine.js': fine }), [])

    const wrong = [
      'vendor.webhook(5)',
      'console.lgo("x")',
      'file.write("a")',
      'process.exit()',
      'var f = /** @type {OnItemCaptured} */ (function (data) { data.response.status })',
      'var g = /** @type {OnItemCaptured} */ (function (data) { data.nothing })',
      'var h = /** @type {OnItemCaptured} */ (function (data) { if (data.request) data.request.nothing })',
    ]
    const said = await check(join(folder, 'wrong'), dts, { 'wrong.js': wrong.join('\n') })
    const lines = said.flatMap((line) => /^.*wrong\.js\((\d+),/.exec(line)?.[1] ?? [])
    assert.deepEqual(
      [...new Set(lines)],
      wrong.map((_, at) => String(at + 1)),
      said.join('\n'),
    )
  })
})

describe('gen', () => {
  test('writes all files so that none is stale, and names those that become so', async (t) => {
    const root = await tempFolder(t)
    const all = [...(await generated()).keys()]
    assert.deepEqual(await staleFiles(root), all)
    await writeGenerated(root)
    assert.deepEqual(await staleFiles(root), [])
    await writeFile(join(root, 'docs/generated/hooks.md'), 'old')
    assert.deepEqual(await staleFiles(root), ['docs/generated/hooks.md'])
  })

  test('documents every helper, hook and kind of mistake', async (t) => {
    const root = await tempFolder(t)
    await writeGenerated(root)
    const read = (name: string) => readFile(join(root, 'docs/generated', name), 'utf8')
    const helpers = await read('helpers.md')
    for (const [path, { doc, example }] of allHelpers(namespaces)) {
      assert.ok(helpers.includes(`### ${path}\n`), path)
      assert.ok(helpers.includes(doc) && helpers.includes(example), path)
    }
    const hookPage = await read('hooks.md')
    for (const name of HOOKS)
      assert.ok(hookPage.includes(`## ${name}\n`) && hookPage.includes(hooks[name].doc))
    assert.match(await read('mistakes.md'), /\| `E_HELPER_ARGUMENT` \| A helper was called with an argument/)
  })
})
