import { Tooltip } from '@mantine/core'
import { NavLink } from 'react-router'
import { useMarks } from '../lib/marks.ts'
import { screens } from '../screens.ts'
import classes from './shell.module.css'

export function Navigation() {
  const marks = useMarks()
  return (
    <nav className={classes.navigation} aria-label="Screens">
      {screens.map(({ path, title, key, icon: Icon }) => (
        <Tooltip key={path} label={`${title} (g ${key})`} position="right" openDelay={500}>
          <NavLink to={path} className={classes.link ?? ''}>
            <Icon size={18} stroke={1.6} aria-hidden />
            <span className={classes.title}>{title}</span>
            {marks[path] !== undefined && (
              <span className={classes.mark} role="status">
                <Dot />
                <span className={classes.hidden}>{marks[path]}</span>
              </span>
            )}
          </NavLink>
        </Tooltip>
      ))}
    </nav>
  )
}

function Dot() {
  return (
    <svg width="8" height="8" aria-hidden="true">
      <circle cx="4" cy="4" r="4" fill="var(--warn)" />
    </svg>
  )
}
