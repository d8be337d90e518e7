import assert from 'node:assert/strict'
import { test } from 'node:test'
import { placeIn, searchOf } from './map-place.ts'
import { formatPace, formatShare } from './numbers.ts'

test('what is shown of the map is in the address, and what is usual is not', () => {
  const usual = placeIn(new URLSearchParams())
  assert.equal(searchOf(usual).toString(), '')
  const text = 'q=http+and+dns&window=0&group=host&view=table&hide=DNS%2CTCP&chosen=shop%2Fcarts&focus=1'
  const place = placeIn(new URLSearchParams(text))
  assert.deepEqual(place, {
    ...{ filter: 'http and dns', window: 0, grouping: 'host', isTable: true },
    ...{ hidden: ['DNS', 'TCP'], chosen: 'shop/carts', isFocused: true },
  })
  assert.equal(searchOf(place).toString(), text)
  assert.equal(searchOf({ ...place, chosen: undefined }).get('focus'), null)
})

test('what makes no sense in the address is as usual', () => {
  const odd = new URLSearchParams('window=7&group=x&view=y&hide=,,&chosen=')
  assert.deepEqual(placeIn(odd), placeIn(new URLSearchParams()))
})

test('what is rare is told by the minute, and errors as a share that is never rounded to none', () => {
  assert.deepEqual(
    [formatPace(600, 10), formatPace(1, 10), formatPace(1, 300), formatPace(0, 300)],
    ['60/s', '6/min', '0.2/min', '0/s'],
  )
  const share = (errors: number, count: number) => formatShare({ errors, count, bytesOut: 0, bytesIn: 0 })
  assert.deepEqual(
    [share(0, 5), share(0, 0), share(1, 1_000_000), share(1, 300), share(1, 2)],
    ['0 %', '0 %', '<0.01 %', '0.33 %', '50 %'],
  )
})
