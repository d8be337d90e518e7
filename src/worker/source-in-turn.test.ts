import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pcap } from '../capture/test-captures.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { SourceInTurn } from './source-in-turn.ts'

/** With a shell script in place of dumpcap, which captures two packets and goes on until it is stopped. */
async function sourceWith(t: TestContext, refusing = 'nothing') {
  const folder = await tempFolder(t)
  const file = join(folder, 'capture.pcap')
  writeFileSync(file, pcap({}, [1, 0, 'abc'], [2, 0, 'de']))
  const tools = join(folder, 'bin')
  mkdirSync(tools)
  const complaint = `echo 'dumpcap: Invalid capture filter "${refusing}" for interface lo.' >&2`
  const words = `echo 'Packets received/dropped on interface lo: 9/3 (pcap:1/dumpcap:0/flushed:0/ps_ifdrop:0) (75.0%)' >&2`
  const script = [
    '#!/bin/sh',
    `case "$*" in *"${refusing}"*) ${complaint}; exit 1;; esac`,
    `trap '${words.replaceAll("'", `'"'"'`)}; exit 0' INT`,
    `cat ${file}`,
    'while :; do sleep 0.02; done',
  ]
  writeFileSync(join(tools, 'dumpcap'), `${script.join('\n')}\n`)
  chmodSync(join(tools, 'dumpcap'), 0o755)
  const told: (readonly [string, string | undefined])[] = []
  const environment = { PATH: `${tools}:${process.env.PATH}` }
  const source = new SourceInTurn({ interface: ['lo'], tool: 'dumpcap', environment }, (...each) =>
    told.push(each),
  )
  return { source, told }
}

test('a capture begins again with another filter, and its books go on', async (t) => {
  const { source, told } = await sourceWith(t)
  const filters = ['tcp port 80', 'udp']
  let packets = 0
  for await (const batch of source.packets()) {
    packets += batch.count
    const filter = filters[packets / 2 - 1]
    if (packets % 2 !== 0) continue
    if (filter === undefined) source.stop()
    else source.refilter(filter)
  }
  assert.equal(packets, 6)
  assert.deepEqual(told, [
    ['tcp port 80', undefined],
    ['udp', undefined],
  ])
  assert.deepEqual([source.losses().kernel, source.problems], [3, []])
  assert.ok(source.progress.bytesRead > 2 * 76)
})

test('the same filter again changes nothing', async (t) => {
  const { source, told } = await sourceWith(t)
  for await (const _ of source.packets()) {
    source.refilter('')
    source.stop()
  }
  assert.deepEqual(told, [])
})

test('with a filter that is refused after all it goes on as it was', async (t) => {
  const { source, told } = await sourceWith(t, 'tcp prt 80')
  let packets = 0
  for await (const batch of source.packets()) {
    packets += batch.count
    if (packets === 2) source.refilter('tcp prt 80')
    else if (packets === 4) source.stop()
  }
  assert.equal(packets, 4)
  assert.equal(told[0]?.[0], '')
  assert.match(told[0]?.[1] ?? '', /capture filter/)
})
