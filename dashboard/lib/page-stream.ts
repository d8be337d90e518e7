import { useEffect, useRef, useSyncExternalStore } from 'react'
import { API, token } from './api.ts'
import { Delivery } from './delivery.ts'
import { type ConnectionState, type Socket, Stream, type StreamHandlers, type Subscribing } from './stream.ts'

/** What of the entries that were asked for has come to this page. */
export const delivery = new Delivery()

/** The stream of this page. */
export const stream = new Stream(connect, ({ texts, dropped }) =>
  delivery.note(texts.length, dropped, Date.now()),
)

function connect(): Socket {
  const own = token.get()
  const address = new URL(`${API}/stream`, location.href.replace(/^http/, 'ws'))
  if (own !== undefined) address.searchParams.set('token', own)
  return new WebSocket(address) as unknown as Socket
}

export function useConnection(): ConnectionState {
  return useSyncExternalStore(stream.onState, () => stream.state)
}

/**
 * Subscribes for as long as the component is shown. Anew whenever `key` changes; undefined: not at all. Handlers may change
 * as they like.
 */
export function useSubscription(
  key: string | undefined,
  wanted: Subscribing,
  handlers: StreamHandlers,
): void {
  const latest = useRef({ wanted, handlers })
  latest.current = { wanted, handlers }
  useEffect(() => {
    if (key === undefined) return
    const now = () => latest.current.handlers
    return stream.subscribe(
      () => (typeof latest.current.wanted === 'function' ? latest.current.wanted() : latest.current.wanted),
      {
        onMessage: (message) => now().onMessage?.(message),
        onEntries: (batch) => now().onEntries?.(batch),
        onError: (failure) => now().onError?.(failure),
        onReconnect: () => now().onReconnect?.(),
      },
    )
  }, [key])
}
