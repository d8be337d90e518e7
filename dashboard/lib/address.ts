import { useSearchParams } from 'react-router'

export type AddressChanges = Readonly<Record<string, string | undefined>>

/** The search part of the address, and how to change some of it in place; what is empty is left out. */
export function useAddress(): [URLSearchParams, (changes: AddressChanges) => void] {
  const [params, setParams] = useSearchParams()
  const change = (changes: AddressChanges) =>
    setParams((before) => changed(before, changes), { replace: true })
  return [params, change]
}

function changed(params: URLSearchParams, changes: AddressChanges): URLSearchParams {
  const next = new URLSearchParams(params)
  for (const [name, value] of Object.entries(changes))
    if (value === undefined || value === '') next.delete(name)
    else next.set(name, value)
  return next
}
