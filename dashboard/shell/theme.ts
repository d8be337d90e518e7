import { createTheme, type MantineColorsTuple, Modal } from '@mantine/core'

/** The blue-green of the sea. */
const sea: MantineColorsTuple = [
  '#e3fafd',
  '#cdf0f6',
  '#9ddfea',
  '#69cdde',
  '#40bed3',
  '#28b4cc',
  '#12a3bc',
  '#00809a',
  '#006a80',
  '#005466',
]

/** Greys with a little of it. */
const dark: MantineColorsTuple = [
  '#d5dbe2',
  '#b4bdc8',
  '#9aa5b1',
  '#6f7b88',
  '#3d4853',
  '#2c343d',
  '#20262d',
  '#171b20',
  '#13171b',
  '#0e1114',
]

export const theme = createTheme({
  primaryColor: 'sea',
  primaryShade: { light: 8, dark: 7 },
  autoContrast: true,
  // Where black and white can be read equally well. What stands on a colour is the same in both schemes.
  luminanceThreshold: 0.18,
  colors: { sea, dark },
  fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "JetBrains Mono", "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: { Modal: Modal.extend({ defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } }) },
})
