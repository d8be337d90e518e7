import type { SettingView } from '../../../src/wire/identity.ts'

export interface SettingsSearch {
  readonly text: string
  /** Only those that are not at their default. */
  readonly onlySet: boolean
}

/** Settings with all of the words, wherever. */
export function matching(
  settings: readonly SettingView[],
  { text, onlySet }: SettingsSearch,
): readonly SettingView[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  return settings.filter((setting) => {
    if (onlySet && setting.source === 'default') return false
    const { key, value, origin, doc } = setting
    const all = `${key} ${JSON.stringify(value)} ${origin} ${doc}`.toLowerCase()
    return words.every((word) => all.includes(word))
  })
}
