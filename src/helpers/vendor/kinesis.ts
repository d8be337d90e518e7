import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { PartlyFailed } from '../answer.ts'
import { accountOf, given } from '../aws/account.ts'
import { type AwsCall, withKinesis } from '../aws/client.ts'
import { refusalOfRecord } from '../aws/failure.ts'
import { endpointOf } from '../aws/place.ts'
import { type HelperHost, helper, jsonText, namespace, type QueuedCall } from '../helper.ts'

const PUT = 'vendor.kinesis.put'
const params = {
  streamName: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,128}$/, 'the name of a stream')
    .describe('Stream, which must exist'),
  payload: jsonText.describe('Text as it is; an object is sent as JSON'),
  awsRegion: z.string().describe('Region of the stream'),
  accessKeyId: z.string().optional().describe('Access key id'),
  secretAccessKey: z.string().optional().describe('Secret access key'),
}

export const kinesis = namespace('vendor.kinesis', 'Records in Amazon Kinesis Data Streams.', {
  put: helper({
    effect: 'network',
    doc: 'Puts one record into a stream and tells where it is; as text that is its JSON. Without keys: as whom the environment, a role or the machine says. Throws when it was not taken. The partition key is another one each time, so that records spread over the shards.',
    params,
    returns: z.object({
      success: z.boolean().describe('Always true: what fails throws'),
      sequenceNumber: z.string(),
      shardId: z.string(),
    }),
    target: ({ streamName, awsRegion, accessKeyId, secretAccessKey }, host) => {
      const { account } = callOf({ awsRegion, accessKeyId, secretAccessKey }, host)
      const { url } = endpointOf('kinesis', account.region, host)
      return { text: `kinesis://${streamName}`, hosts: [new URL(url).hostname], bucket: streamName }
    },
    queued: {
      key: ({ streamName, awsRegion }) => `kinesis://${awsRegion}/${streamName}`,
      // https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
      batch: { most: 500, mostBytes: 5 * 2 ** 20, send: putAll },
    },
    rehearsed: async ({ payload, ...args }, host) => {
      const { endpoint } = callOf(args, host)
      await host.request({ method: 'POST', url: `${endpoint}/`, headers: {}, body: payload })
      return { success: true, sequenceNumber: '0', shardId: 'shardId-000000000000' }
    },
    example: `try {\n  console.log('sent: ' + vendor.kinesis.put('traffic', { path: '/cart', status: 500 }, 'eu-west-1', 'key', 'secret'))\n} catch (error) {\n  console.error(error)\n}`,
    async run({ streamName, payload, ...args }, host) {
      return await withKinesis(callOf(args, host), async (client, sdk) => {
        const { SequenceNumber, ShardId } = await client.send(
          new sdk.PutRecordCommand({
            StreamName: streamName,
            Data: Buffer.from(payload),
            PartitionKey: host.queuedId ?? host.randomName(),
          }),
        )
        if (SequenceNumber === undefined || ShardId === undefined) throw senseless()
        return { success: true, sequenceNumber: SequenceNumber, shardId: ShardId }
      })
    },
  }),
})

interface Login {
  readonly awsRegion: string
  readonly accessKeyId?: string | undefined
  readonly secretAccessKey?: string | undefined
}

function callOf({ awsRegion, accessKeyId, secretAccessKey }: Login, host: HelperHost): AwsCall {
  const account = accountOf(PUT, given(awsRegion), given(accessKeyId), given(secretAccessKey))
  return { helper: PUT, host, account, endpoint: endpointOf('kinesis', account.region, host).url }
}

/** Calls to one stream, which may have several keys: those of each go together. */
async function putAll(calls: readonly QueuedCall<typeof params>[], host: HelperHost): Promise<void> {
  const failures = new Map<number, unknown>()
  const byLogin = Map.groupBy(calls.entries(), ([, { args }]) =>
    JSON.stringify([args.accessKeyId, args.secretAccessKey]),
  )
  for (const together of byLogin.values()) {
    try {
      for (const [at, failure] of await putTogether(together, host)) failures.set(at, failure)
    } catch (error) {
      if (byLogin.size === 1) throw error
      for (const [at] of together) failures.set(at, error)
    }
  }
  if (failures.size > 0)
    throw new PartlyFailed(`${PUT}: ${failures.size} of ${calls.length} records were not taken`, failures)
}

type Placed = readonly [at: number, call: QueuedCall<typeof params>]

/** Answers those that were not taken, by their place. */
async function putTogether(
  calls: readonly Placed[],
  host: HelperHost,
): Promise<(readonly [number, unknown])[]> {
  const [first] = calls
  if (first === undefined) return []
  const [, { args }] = first
  const call = callOf(args, host)
  return await withKinesis(call, async (client, sdk) => {
    const { Records = [] } = await client.send(
      new sdk.PutRecordsCommand({
        StreamName: args.streamName,
        Records: calls.map(([, { id, args }]) => ({ Data: Buffer.from(args.payload), PartitionKey: id })),
      }),
    )
    if (Records.length !== calls.length) throw senseless()
    return calls.flatMap(([at], place) => {
      const { ErrorCode: code, ErrorMessage: message = '' } = Records[place] ?? {}
      return code === undefined ? [] : [[at, refusalOfRecord(call, code, message)] as const]
    })
  })
}

function senseless(): Mistake {
  return new Mistake('E_HELPER_FAILED', `${PUT}: the reply makes no sense`)
}
