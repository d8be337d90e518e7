/** What test/live/mqtt.test.ts has MQTT.js do. */
import { connectAsync } from 'mqtt'

export interface Got {
  readonly topic: string
  readonly payload: string
  readonly qos: number
}

/** Publishes to itself with every quality of service, twenty at once, in version 4 (3.1.1) and 5; returns what it got. */
export async function mqttJs(port: number): Promise<Got[]> {
  const got: Got[] = []
  for (const protocolVersion of [4, 5] as const) {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
      protocolVersion,
      clientId: `js-${protocolVersion}`,
      ...(protocolVersion === 5 ? { properties: { topicAliasMaximum: 5, receiveMaximum: 10 } } : {}),
    })
    const topic = `js/${protocolVersion}`
    const all = Promise.withResolvers<void>()
    let left = PUBLICATIONS.length
    client.on('message', (topic, payload, { qos }) => {
      got.push({ topic, payload: payload.toString(), qos })
      if (--left === 0) all.resolve()
    })
    await client.subscribeAsync([topic, 'js/none'], { qos: 2 })
    const properties = protocolVersion === 5 ? { properties: { userProperties: { n: ['1', '2'] } } } : {}
    const publish = ([payload, qos]: Publication) =>
      client.publishAsync(topic, payload, { qos, ...properties })
    // Of more than twenty on their way to a subscriber mosquitto keeps one back for ever.
    for (let at = 0; at < PUBLICATIONS.length; at += 20)
      await Promise.all(PUBLICATIONS.slice(at, at + 20).map(publish))
    await all.promise
    await client.unsubscribeAsync(topic)
    await client.endAsync()
  }
  return got
}

type Publication = readonly [payload: string, qos: 0 | 1 | 2]

const PUBLICATIONS: readonly Publication[] = [
  ...Array.from({ length: 60 }, (_, n) => [`payload ${n}`, (n % 3) as 0 | 1 | 2] as const),
  ['z'.repeat(200_000), 1],
]
