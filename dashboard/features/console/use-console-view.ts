import { useLocalStorage } from '@mantine/hooks'

/** How lines are drawn; kept in the browser. */
export interface ConsoleView {
  readonly hasTimes: boolean
  readonly hasNumbers: boolean
  readonly wraps: boolean
  readonly joinsRepeats: boolean
}

export function useConsoleView(): [ConsoleView, (view: ConsoleView) => void] {
  const [kept, keep] = useLocalStorage<Partial<ConsoleView>>({
    key: 'remora.console.view',
    defaultValue: {},
    getInitialValueInEffect: false,
  })
  return [{ ...USUAL, ...kept }, keep]
}

const USUAL: ConsoleView = { hasTimes: true, hasNumbers: true, wraps: true, joinsRepeats: true }
