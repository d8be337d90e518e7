/** What test/live/amqp.test.ts has amqplib do. */
import { type ConsumeMessage, connect } from 'amqplib'

const MESSAGES = Array.from({ length: 200 }, (_, n) => `message ${n}`).concat('y'.repeat(300_000))

/** Sends messages as fast as it can on two channels of a connection, and returns what it got of them, sorted. */
export async function amqplib(port: number): Promise<string[]> {
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${port}`)
  const sender = await connection.createConfirmChannel()
  const receiver = await connection.createChannel()
  await sender.assertExchange('node', 'headers', { autoDelete: true })
  const { queue } = await receiver.assertQueue('', { exclusive: true, arguments: { 'x-max-priority': 5 } })
  await receiver.bindQueue(queue, 'node', '', { 'x-match': 'all', kind: 'wanted' })
  await receiver.prefetch(50)
  const got: string[] = []
  const all = Promise.withResolvers<void>()
  const { consumerTag } = await receiver.consume(queue, (message) => {
    const { content, fields } = message as ConsumeMessage
    // The first time each tenth is sent back, and comes again.
    if (!fields.redelivered && fields.deliveryTag % 10 === 0) return receiver.nack(message as ConsumeMessage)
    got.push(content.toString())
    receiver.ack(message as ConsumeMessage)
    if (got.length === MESSAGES.length) all.resolve()
  })
  MESSAGES.forEach((text, n) => {
    sender.publish('node', '', Buffer.from(text), { headers: { kind: 'wanted', n }, priority: n % 5 })
  })
  sender.publish('node', '', Buffer.from('returned'), { headers: { kind: 'other' }, mandatory: true })
  await sender.waitForConfirms()
  await all.promise
  await receiver.cancel(consumerTag)
  await connection.close()
  return got.sort()
}
