import { lazy, Suspense } from 'react'
import { LoadingState } from '../../components/states.tsx'

const CodeEditor = lazy(() => import('./editor/code-editor.tsx'))
const CodeDiff = lazy(() => import('./editor/code-diff.tsx'))

/** The editor, from the moment in which it is needed. */
export function Editor(props: Parameters<typeof CodeEditor>[0]) {
  return (
    <Suspense fallback={<LoadingState what="the editor" />}>
      <CodeEditor key={props.name} {...props} />
    </Suspense>
  )
}

export function Diff(props: Parameters<typeof CodeDiff>[0]) {
  return (
    <Suspense fallback={<LoadingState what="the comparison" />}>
      <CodeDiff {...props} />
    </Suspense>
  )
}
