export type Rgb = readonly [red: number, green: number, blue: number]
export type Scheme = 'dark' | 'light'
/** One of the sixteen that each scheme has its own tones for, or a colour that does not depend on it. */
export type AnsiColour =
  | { readonly kind: 'named'; readonly index: number }
  | { readonly kind: 'exact'; readonly rgb: Rgb }

/** What lines are drawn on: the background of the page. */
export const SURFACES: Readonly<Record<Scheme, Rgb>> = { dark: [23, 27, 32], light: [255, 255, 255] }
const TEXTS: Readonly<Record<Scheme, Rgb>> = { dark: [214, 217, 222], light: [33, 37, 41] }

/** Of the 256 colours of xterm: 16 named, a cube of 6 × 6 × 6, 24 greys. */
export function fromPalette(index: number): AnsiColour {
  if (index < 16) return { kind: 'named', index }
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10
    return { kind: 'exact', rgb: [grey, grey, grey] }
  }
  const step = (place: number) => (place === 0 ? 0 : 55 + place * 40)
  const at = index - 16
  return { kind: 'exact', rgb: [step(Math.floor(at / 36)), step(Math.floor(at / 6) % 6), step(at % 6)] }
}

export interface Look {
  readonly colour?: AnsiColour
  readonly background?: AnsiColour
  readonly dim?: true
  readonly inverse?: true
}

/**
 * Colours as they are shown: those that were asked for, moved so far towards black or white that text can be read on what is
 * behind it (WCAG 2.2, 1.4.3). An absent one is the surface's own.
 */
export function shownColours(look: Look, scheme: Scheme): { readonly text?: Rgb; readonly behind?: Rgb } {
  const { colour, background, dim, inverse } = look
  const front = colour && rgbOf(colour, scheme)
  const back = background && rgbOf(background, scheme)
  const text = inverse ? (back ?? SURFACES[scheme]) : front
  const behind = inverse ? (front ?? TEXTS[scheme]) : back
  if (text === undefined && behind === undefined && !dim) return {}
  const ground = behind ?? SURFACES[scheme]
  const wanted = text ?? TEXTS[scheme]
  const readable = readableOn(ground, dim ? mixed(wanted, ground, DIMMED) : wanted)
  return { text: readable, ...(behind === undefined ? {} : { behind }) }
}

export function contrast(one: Rgb, other: Rgb): number {
  const [light, dark] = [luminance(one), luminance(other)].toSorted((a, b) => b - a)
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05)
}

export function cssOf([red, green, blue]: Rgb): string {
  return `rgb(${red}, ${green}, ${blue})`
}

function rgbOf(colour: AnsiColour, scheme: Scheme): Rgb {
  return colour.kind === 'exact' ? colour.rgb : (NAMED[scheme][colour.index] ?? TEXTS[scheme])
}

/** Keeps the hue as long as it can. */
function readableOn(ground: Rgb, wanted: Rgb): Rgb {
  const end: Rgb = contrast(ground, WHITE) > contrast(ground, BLACK) ? WHITE : BLACK
  for (let part = 0; part < 1; part += 0.05) {
    const tried = mixed(wanted, end, part)
    if (contrast(tried, ground) >= LEAST_CONTRAST) return tried
  }
  return end
}

function mixed(one: Rgb, other: Rgb, part: number): Rgb {
  const at = (from: number, to: number) => Math.round(from + (to - from) * part)
  return [at(one[0], other[0]), at(one[1], other[1]), at(one[2], other[2])]
}

/** Relative luminance, as WCAG defines it. */
function luminance([red, green, blue]: Rgb): number {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

function linear(channel: number): number {
  const part = channel / 255
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
}

const LEAST_CONTRAST = 4.6
const DIMMED = 0.35
const BLACK: Rgb = [0, 0, 0]
const WHITE: Rgb = [255, 255, 255]

/** Black, red, green, yellow, blue, magenta, cyan, white; then the same, bright. */
const NAMED: Readonly<Record<Scheme, readonly Rgb[]>> = {
  dark: [
    [125, 130, 139],
    [247, 118, 116],
    [106, 196, 112],
    [224, 175, 88],
    [109, 168, 255],
    [209, 139, 239],
    [86, 200, 213],
    [200, 204, 211],
    [144, 149, 158],
    [255, 150, 146],
    [138, 219, 141],
    [246, 205, 124],
    [146, 192, 255],
    [226, 168, 250],
    [128, 224, 234],
    [255, 255, 255],
  ],
  light: [
    [33, 37, 41],
    [192, 36, 40],
    [24, 118, 50],
    [140, 92, 0],
    [26, 93, 205],
    [145, 54, 178],
    [0, 114, 130],
    [99, 105, 113],
    [87, 93, 101],
    [212, 52, 48],
    [20, 128, 56],
    [150, 100, 4],
    [40, 110, 224],
    [164, 70, 196],
    [6, 124, 140],
    [108, 114, 122],
  ],
}
