import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describedProtocols } from '../dissectors/described.ts'
import { entryProtocols } from '../dissectors/index.ts'
import { VARIABLES } from './cel-variables.ts'
import { type Completion, completions } from './completions.ts'
import { compileFilter, type FilterLanguage, validateFilter } from './index.ts'

const MACROS = { https: 'tls and (http or http2)' }
const offered = completions(await describedProtocols(), MACROS)
const LANGUAGES = ['kfl1', 'kfl2'] as const
const find = (language: FilterLanguage, label: string) =>
  offered[language].find((each) => each.label === label)

describe('what a filter can be completed with', () => {
  for (const language of LANGUAGES)
    test(`is taken as it is offered: ${language}`, () => {
      for (const { label, kind, example } of offered[language]) {
        const text = kind === 'field' || kind === 'word' ? label : (example ?? '')
        assert.notEqual(text, '', label)
        const verdict = validateFilter(text, { prefer: language, macros: MACROS })
        assert.partialDeepStrictEqual(verdict, { valid: true, language }, `${text}: ${verdict.message}`)
        const isKnown = verdict.warnings.every((warning) => !warning.includes('there is no'))
        assert.ok(isKnown, `${text}: ${verdict.warnings}`)
        assert.ok(
          kind === 'field' ||
            kind === 'word' ||
            [...label].every((letter) => letter === '…' || text.includes(letter)),
          text,
        )
      }
    })

  test('is explained, and offered once', () => {
    for (const language of LANGUAGES) {
      const said = offered[language].map(({ kind, label }) => `${kind} ${label}`)
      assert.equal(new Set(said).size, said.length)
      for (const { label, doc } of offered[language]) assert.notEqual(doc, '', `${language} ${label}`)
    }
  })

  test('has every field that messages have, with the protocols that have it', () => {
    for (const { protocols, request } of entryProtocols)
      for (const name of Object.keys(request.fields)) {
        const field = find('kfl1', `request.${name}`)
        for (const { abbr } of protocols)
          assert.ok(field?.protocols.includes(abbr), `request.${name} ${abbr}`)
      }
    assert.partialDeepStrictEqual(find('kfl1', 'request.questions'), { protocols: ['DNS'] })
    assert.deepEqual(find('kfl1', 'src.name')?.protocols, [])
  })

  test('has every variable of CEL that can be something', () => {
    const missing = Object.keys(VARIABLES).filter((name) => find('kfl2', name) === undefined)
    assert.deepEqual(missing, [])
    const redisKey: Partial<Completion> = { kind: 'field', type: 'string', protocols: ['REDIS'] }
    assert.partialDeepStrictEqual(find('kfl2', 'redis_key'), redisKey)
    const redis = entryProtocols.find(({ name }) => name === 'redis')
    assert.equal(find('kfl2', 'redis_key')?.doc, redis?.request.fields.key?.doc)
  })

  test('has the macros of the configuration', () => {
    assert.equal(find('kfl1', 'https')?.doc, MACROS.https)
    assert.equal(find('kfl2', 'https'), undefined)
  })
})

describe('a verdict on a filter', () => {
  const verdict = (text: string) => {
    const { at, ...said } = validateFilter(text, { prefer: 'kfl2', macros: { bad: 'a ==' } })
    return { ...said, marked: at === undefined ? undefined : text.slice(at.offset, at.offset + at.length) }
  }

  test('says in which language it was read', () => {
    assert.equal(verdict('http').language, 'kfl2')
    assert.equal(verdict('http and dns').language, 'kfl1')
    assert.equal(verdict('kfl1:http').language, 'kfl1')
    assert.equal(verdict('!bad').language, 'kfl1')
    assert.equal(verdict('request.bad == 1').language, 'kfl2')
    assert.equal(verdict('kfl1:http &').language, 'kfl1')
  })

  for (const [text, marked, message] of [
    ['http &&', '', /^1:8: unexpected token/],
    ['tcp_conn and udp_conn and', '', /^1:26: unexpected end/],
    ['status_cod == 500', 'status_cod', /there is no variable status_cod; did you mean status_code\?/],
    ['http &&\n nope == 1', 'nope', /^2:2:/],
    ['path.matches("(")', '"("', /^1:14:/],
    ['request.path == r"(" and http', 'r"("', /^1:17:/],
    ['request.path == (', '', /unexpected end/],
    ['http and "open', '"open', /without an end/],
    ['kfl1: http http', 'http', /^1:12: unexpected token "http"/],
    ['kfl2: http http', 'http', /^1:12: unexpected/],
    ['dns and bad', 'bad', /^1:9: in the macro bad: unexpected end/],
    ['bad and dns', 'bad', /^1:1: in the macro bad: unexpected end/],
  ] as const)
    test(`marks what is wrong: ${JSON.stringify(text)}`, () => {
      const { valid, marked: found, message: said } = verdict(text)
      assert.equal(valid, false)
      assert.equal(found, marked)
      assert.match(said, message)
    })

  test('has hints and warnings', () => {
    assert.match(verdict('http and dns && tcp').hint ?? '', /kfl1:/)
    assert.match(verdict('http and dns or tcp').warnings[0] ?? '', /parentheses/)
    assert.deepEqual(compileFilter('http', { prefer: 'kfl2' }).warnings, [])
  })
})
