import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import type { CodeProblem, ScriptingInfo } from '../../../../src/wire/authoring.ts'
import { byLine, type FaultMark } from '../faults.ts'
import classes from './code-editor.module.css'
import { monaco, setLanguage } from './monaco.ts'

export interface CodeEditorProps {
  /** Which text this is; for as long as the editor is there. */
  readonly name: string
  readonly code: string
  readonly onChange: (code: string) => void
  readonly onSave: () => void
  readonly isReadOnly: boolean
  readonly scripting: ScriptingInfo
  /** What is wrong with the text, as the hub says. */
  readonly problems: readonly CodeProblem[]
  /** What went wrong when it ran. */
  readonly faults: readonly FaultMark[]
  /** Where to go; each object once. */
  readonly place: { readonly line: number; readonly column: number } | undefined
}

/** Monaco with an agent in it. Loaded on demand: it is larger than the rest of the dashboard. */
export default function CodeEditor(props: CodeEditorProps) {
  const { name, code, isReadOnly, scripting, problems, faults, place } = props
  const box = useRef<HTMLDivElement>(null)
  const opened = useRef<Opened>(undefined)
  const latest = useRef(props)
  latest.current = props
  const isDark = useComputedColorScheme('light') === 'dark'

  useEffect(() => {
    if (box.current === null) return
    const editor = open(box.current, name, latest)
    opened.current = editor
    return () => editor.dispose()
  }, [name])
  useEffect(() => monaco.editor.setTheme(isDark ? 'remora-dark' : 'remora-light'), [isDark])
  useEffect(() => setLanguage(scripting.language, scripting.env), [scripting])
  useEffect(() => opened.current?.setCode(code), [code])
  useEffect(
    () => opened.current?.editor.updateOptions({ readOnly: isReadOnly, domReadOnly: isReadOnly }),
    [isReadOnly],
  )
  useEffect(() => opened.current?.markProblems(problems), [problems])
  useEffect(() => opened.current?.markFaults(faults), [faults])
  useEffect(() => {
    if (place !== undefined) opened.current?.goTo(place.line, place.column)
  }, [place])
  return <div ref={box} className={classes.editor} data-testid="editor" />
}

type Opened = ReturnType<typeof open>

function open(box: HTMLElement, name: string, latest: { readonly current: CodeEditorProps }) {
  const uri = monaco.Uri.parse(`file:///agents/${encodeURIComponent(name)}.js`)
  monaco.editor.getModel(uri)?.dispose()
  const model = monaco.editor.createModel(latest.current.code, 'javascript', uri)
  const editor = monaco.editor.create(box, { ...OPTIONS, model, readOnly: latest.current.isReadOnly })
  const faultMarks = editor.createDecorationsCollection()
  let isTold = true
  model.onDidChangeContent(() => {
    if (isTold) latest.current.onChange(model.getValue())
  })
  editor.addCommand(monaco.KeyMod.CtrlCmd | monaco.KeyCode.KeyS, () => latest.current.onSave())
  return {
    editor,
    /** From elsewhere: it can be undone like what is typed. */
    setCode(code: string) {
      if (model.getValue() === code) return
      isTold = false
      editor.pushUndoStop()
      editor.executeEdits('page', [{ range: model.getFullModelRange(), text: code }])
      if (model.getValue() !== code) model.setValue(code)
      editor.pushUndoStop()
      isTold = true
    },
    markProblems(problems: readonly CodeProblem[]) {
      monaco.editor.setModelMarkers(
        model,
        'hub',
        problems.map((problem) => markerOf(model, problem)),
      )
    },
    markFaults(faults: readonly FaultMark[]) {
      monaco.editor.setModelMarkers(
        model,
        'runtime',
        faults.map(({ line, column, message, count, nodes }) => ({
          ...wordAt(model, line, column),
          severity: monaco.MarkerSeverity.Error,
          message: `${message}\n${count} × while it ran, on ${nodes.join(', ')}`,
          source: 'at run time',
        })),
      )
      faultMarks.set(
        [...byLine(faults)].map(([line, { count, message }]) => faultDecoration(line, count, message)),
      )
    },
    goTo(line: number, column: number) {
      editor.setPosition({ lineNumber: line, column })
      editor.revealLineInCenter(line)
      editor.focus()
    },
    dispose() {
      editor.dispose()
      model.dispose()
    },
  }
}

function markerOf(model: monaco.editor.ITextModel, { line, column, severity, message, rule }: CodeProblem) {
  return {
    ...wordAt(model, line, column),
    severity: severity === 'error' ? monaco.MarkerSeverity.Error : monaco.MarkerSeverity.Warning,
    message,
    source: rule,
  }
}

/** From a place to the end of the word, or of the character, there. */
function wordAt(model: monaco.editor.ITextModel, line: number, column: number) {
  const lineNumber = Math.min(Math.max(line, 1), model.getLineCount())
  const word = model.getWordAtPosition({ lineNumber, column })
  return {
    startLineNumber: lineNumber,
    startColumn: column,
    endLineNumber: lineNumber,
    endColumn: word === null ? column + 1 : word.endColumn,
  }
}

function faultDecoration(line: number, count: number, message: string) {
  return {
    range: new monaco.Range(line, 1, line, Number.MAX_SAFE_INTEGER),
    options: {
      isWholeLine: true,
      className: 'remora-fault-line',
      glyphMarginClassName: 'remora-fault-glyph',
      after: {
        content: `${count} × ${shortened(message)}`,
        inlineClassName: 'remora-fault-text',
        cursorStops: monaco.editor.InjectedTextCursorStops.None,
      },
      stickiness: monaco.editor.TrackedRangeStickiness.NeverGrowsWhenTypingAtEdges,
    },
  }
}

/** Without the hook, in which it stands. */
function shortened(message: string): string {
  const told = message.replace(/^on[A-Z]\w*: /, '')
  return told.length > LONGEST_SHOWN ? `${told.slice(0, LONGEST_SHOWN)}…` : told
}

const LONGEST_SHOWN = 60
const OPTIONS: monaco.editor.IStandaloneEditorConstructionOptions = {
  ariaLabel: 'Code of the agent. Press Control M to let Tab leave the editor.',
  automaticLayout: true,
  bracketPairColorization: { enabled: true },
  // Keys go to a text area: shortcuts of the page know that somebody types there.
  editContext: false,
  fixedOverflowWidgets: true,
  fontFamily: 'ui-monospace, "JetBrains Mono", "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSize: 13,
  glyphMargin: true,
  minimap: { enabled: true, renderCharacters: false },
  padding: { top: 8 },
  quickSuggestions: { other: true, comments: false, strings: false },
  scrollBeyondLastLine: false,
  smoothScrolling: false,
  stickyScroll: { enabled: true },
  tabSize: 2,
  unicodeHighlight: { ambiguousCharacters: false },
  wordBasedSuggestions: 'off',
}
