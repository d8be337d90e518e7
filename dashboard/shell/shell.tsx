import { Suspense, useEffect } from 'react'
import { Outlet, useNavigation } from 'react-router'
import { ErrorState, LoadingState } from '../components/states.tsx'
import { useSession } from '../lib/session.ts'
import { watch } from '../lib/watched.ts'
import { useConsoleMark } from './console-mark.ts'
import { useEffectsMark } from './effects-mark.ts'
import { Header } from './header.tsx'
import { Login } from './login.tsx'
import { Navigation } from './navigation.tsx'
import classes from './shell.module.css'
import { Shortcuts } from './shortcuts.tsx'

/** What is around every screen. */
export function Shell() {
  const { me, isAnonymous, error, retry } = useSession()
  if (isAnonymous) return <Login onToken={() => void retry()} />
  if (error !== null)
    return <ErrorState title="The hub does not answer" error={error} onRetry={() => void retry()} />
  return me === undefined ? <LoadingState what="the dashboard" /> : <Frame />
}

function Frame() {
  useEffect(watch, [])
  useConsoleMark()
  useEffectsMark()
  const isLoading = useNavigation().state === 'loading'
  return (
    <div className={classes.frame}>
      <a className={classes.skip} href="#screen">
        Skip to the content
      </a>
      <Shortcuts />
      <Header />
      <Navigation />
      <main id="screen" className={classes.screen} tabIndex={-1} aria-busy={isLoading}>
        <Suspense fallback={<LoadingState what="the screen" />}>
          <Outlet />
        </Suspense>
      </main>
    </div>
  )
}
