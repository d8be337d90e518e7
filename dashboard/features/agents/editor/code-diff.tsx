import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import classes from './code-editor.module.css'
import { monaco } from './monaco.ts'

interface Props {
  readonly before: string
  readonly after: string
  /** What this compares, for those who cannot see it. */
  readonly label: string
  /** The right side can be written in. */
  readonly onChange?: (after: string) => void
}

/** Two texts beside each other, with what differs. */
export default function CodeDiff({ before, after, label, onChange }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const latest = useRef({ after, onChange })
  latest.current = { after, onChange }
  const isReadOnly = onChange === undefined
  const isDark = useComputedColorScheme('light') === 'dark'
  useEffect(() => monaco.editor.setTheme(isDark ? 'remora-dark' : 'remora-light'), [isDark])
  const shownAfter = isReadOnly ? after : undefined
  useEffect(() => {
    if (box.current === null) return
    const original = monaco.editor.createModel(before, 'javascript')
    const modified = monaco.editor.createModel(shownAfter ?? latest.current.after, 'javascript')
    const editor = monaco.editor.createDiffEditor(box.current, {
      ...OPTIONS,
      readOnly: isReadOnly,
      originalAriaLabel: `${label}: before`,
      modifiedAriaLabel: `${label}: after`,
    })
    editor.setModel({ original, modified })
    modified.onDidChangeContent(() => latest.current.onChange?.(modified.getValue()))
    return () => {
      editor.dispose()
      original.dispose()
      modified.dispose()
    }
  }, [before, shownAfter, isReadOnly, label])
  return <div ref={box} className={classes.editor} />
}

const OPTIONS: monaco.editor.IStandaloneDiffEditorConstructionOptions = {
  automaticLayout: true,
  editContext: false,
  fontSize: 12.5,
  hideUnchangedRegions: { enabled: true },
  minimap: { enabled: false },
  originalEditable: false,
  renderOverviewRuler: false,
  scrollBeyondLastLine: false,
  useInlineViewWhenSpaceIsLimited: true,
}
