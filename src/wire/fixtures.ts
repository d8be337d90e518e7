import type { Expectation, Fixture, TrialOutcome } from './trials.ts'

/** Of what came of a trial, what is the same each time that it is done. */
export function expectationOf(outcome: TrialOutcome): Expectation {
  const { loadError, stopped, console, effects, marks } = outcome
  return {
    ...(loadError === undefined ? {} : { loadError }),
    stopped: stopped !== undefined,
    console: console.lines.map(({ level, text }) => ({ level, text })),
    effects: effects.list.map(({ helper, target, arguments: given, error }) => ({
      helper,
      target,
      arguments: Object.fromEntries(given.map(({ name, value }) => [name, value])),
      ...(error === undefined ? {} : { error }),
    })),
    marks: marks.list,
  }
}

/** A fixture as it is kept in a file: each entry and each thing that is expected on a line of its own. */
export function fixtureText({ input, expected, code, pods, ...head }: Fixture): string {
  const parts = [
    ...Object.entries(head).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`),
    `"code": ${JSON.stringify(code)}`,
    `"input": ${inputText(input)}`,
    ...(pods === undefined ? [] : [`"pods": ${list(pods)}`]),
    `"expected": ${expectedText(expected)}`,
  ]
  return `{\n${indented(parts.join(',\n'))}\n}\n`
}

/** What is not as expected, line by line, `-` before what is missing and `+` before what came instead; nothing when all is. */
export function differences(expected: Expectation, came: Expectation): string[] {
  const found = diff(linesOf(expected), linesOf(came))
  return found.some(({ sign }) => sign !== ' ') ? inContext(found) : []
}

function linesOf({ loadError, stopped, console, effects, marks }: Expectation): string[] {
  return [
    ...(loadError === undefined ? [] : [`does not load: ${loadError}`]),
    ...(stopped ? ['was stopped'] : []),
    ...console.map(({ level, text }) => `console ${level}: ${text}`),
    ...effects.map(
      ({ helper, arguments: given, error }) =>
        `effect ${helper} ${JSON.stringify(given)}${error === undefined ? '' : ` threw ${error}`}`,
    ),
    ...marks.map(({ entry, ...mark }) => `mark ${entry} ${JSON.stringify(mark)}`),
  ]
}

interface DiffLine {
  readonly sign: ' ' | '-' | '+'
  readonly text: string
}

/** What both have in common at the beginning and at the end stays; between, the longest that they have in common. */
function diff(before: readonly string[], after: readonly string[]): DiffLine[] {
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start++
  let end = 0
  while (
    end < before.length - start &&
    end < after.length - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  )
    end++
  return [
    ...same(before.slice(0, start)),
    ...middle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...same(before.slice(before.length - end)),
  ]
}

function middle(before: readonly string[], after: readonly string[]): DiffLine[] {
  if (before.length * after.length > MOST_CELLS) return [...signed('-', before), ...signed('+', after)]
  const width = after.length + 1
  const lengths = new Uint32Array((before.length + 1) * width)
  const at = (row: number, column: number) => lengths[row * width + column] ?? 0
  for (let row = before.length - 1; row >= 0; row--)
    for (let column = after.length - 1; column >= 0; column--)
      lengths[row * width + column] =
        before[row] === after[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1))
  const lines: DiffLine[] = []
  let [row, column] = [0, 0]
  while (row < before.length || column < after.length) {
    if (row < before.length && column < after.length && before[row] === after[column]) {
      lines.push(...same(before.slice(row, row + 1)))
      row++
      column++
    } else if (column >= after.length || (row < before.length && at(row + 1, column) >= at(row, column + 1)))
      lines.push(...signed('-', before.slice(row, ++row)))
    else lines.push(...signed('+', after.slice(column, ++column)))
  }
  return lines
}

function same(texts: readonly string[]): DiffLine[] {
  return signed(' ', texts)
}

function signed(sign: DiffLine['sign'], texts: readonly string[]): DiffLine[] {
  return texts.map((text) => ({ sign, text }))
}

/** Differences, and a few lines around each. */
function inContext(lines: readonly DiffLine[]): string[] {
  const isNear = lines.map((_, at) =>
    lines.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(({ sign }) => sign !== ' '),
  )
  return lines.flatMap(({ sign, text }, at) => {
    if (isNear[at]) return [`${sign} ${text}`]
    return isNear[at - 1] || at === 0 ? ['  …'] : []
  })
}

function inputText(input: Fixture['input']): string {
  if (input.kind === 'capture') return JSON.stringify(input)
  return `{\n  "kind": "entries",\n  "entries": ${list(input.entries)}\n}`
}

function expectedText({ console, effects, marks, ...rest }: Expectation): string {
  const parts = [
    ...Object.entries(rest).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`),
    `"console": ${list(console)}`,
    `"effects": ${list(effects)}`,
    `"marks": ${list(marks)}`,
  ]
  return `{\n${indented(parts.join(',\n'))}\n}`
}

function list(values: readonly unknown[]): string {
  if (values.length === 0) return '[]'
  return `[\n${values.map((value) => `  ${JSON.stringify(value)}`).join(',\n')}\n]`
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}

const MOST_CELLS = 4_000_000
const CONTEXT = 2
