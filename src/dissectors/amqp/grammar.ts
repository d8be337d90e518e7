import type { Side } from '../../dissect/dissector.ts'

/** A method of AMQP 0-9-1 or of RabbitMQ's extensions, as the specification has it. */
export interface Method {
  readonly classId: number
  readonly methodId: number
  /** `basic publish` */
  readonly name: string
  /** Who may send it. */
  readonly sender: Side | 'both'
  /** In the order in which they are on the wire. */
  readonly arguments: readonly Argument[]
  /** A header frame and body frames follow. */
  readonly hasContent: boolean
  /** It is answered … */
  readonly isAsked: boolean
  /** … unless it says `noWait`, which it can. */
  readonly mayWaive: boolean
  /** The method that it answers: `queue declare` of `queue declare-ok`; "" when it is no answer. */
  readonly answers: string
}

export interface Argument {
  /** "" for those that are reserved. */
  readonly name: string
  readonly type: ArgumentType
}

export type ArgumentType = 'bit' | 'octet' | 'short' | 'long' | 'longlong' | 'shortstr' | 'longstr' | 'table'

/** The only class whose methods have content. */
export const BASIC = 60

/** Of these two numbers at the beginning of a method frame; undefined when there is no such method. */
export function methodOf(classId: number, methodId: number): Method | undefined {
  return BY_ID.get((classId << 16) | methodId)
}

/** A method that the specification does not have: `basic 102`, or `70 10` of an unknown class. Whatever it says is not read. */
export function unknownMethod(classId: number, methodId: number): Method {
  const [className] = CLASSES.find(([, id]) => id === classId) ?? [String(classId)]
  return methodIn(className, classId, `${methodId} ${methodId} both`)
}

/** `basic publish`, `queue declare-ok` … */
export function isMethodName(name: string): boolean {
  return NAMES.has(name)
}

/** Class, its number, and its methods: number, name, who sends it, arguments. `-` is reserved. */
const CLASSES: readonly (readonly [string, number, string])[] = [
  [
    'connection',
    10,
    `10 start      server versionMajor:octet versionMinor:octet serverProperties:table mechanisms:longstr locales:longstr
     11 start-ok   client clientProperties:table mechanism:shortstr response:longstr locale:shortstr
     20 secure     server challenge:longstr
     21 secure-ok  client response:longstr
     30 tune       server channelMax:short frameMax:long heartbeat:short
     31 tune-ok    client channelMax:short frameMax:long heartbeat:short
     40 open       client virtualHost:shortstr -:shortstr -:bit
     41 open-ok    server -:shortstr
     50 close      both   replyCode:short replyText:shortstr classId:short methodId:short
     51 close-ok   both
     60 blocked    server reason:shortstr
     61 unblocked  server
     70 update-secret    client newSecret:longstr reason:shortstr
     71 update-secret-ok server`,
  ],
  [
    'channel',
    20,
    `10 open       client -:shortstr
     11 open-ok    server -:longstr
     20 flow       both   active:bit
     21 flow-ok    both   active:bit
     40 close      both   replyCode:short replyText:shortstr classId:short methodId:short
     41 close-ok   both`,
  ],
  [
    'access',
    30,
    `10 request    client realm:shortstr exclusive:bit passive:bit active:bit write:bit read:bit
     11 request-ok server -:short`,
  ],
  [
    'exchange',
    40,
    `10 declare    client -:short exchange:shortstr type:shortstr passive:bit durable:bit autoDelete:bit internal:bit noWait:bit arguments:table
     11 declare-ok server
     20 delete     client -:short exchange:shortstr ifUnused:bit noWait:bit
     21 delete-ok  server
     30 bind       client -:short destination:shortstr source:shortstr routingKey:shortstr noWait:bit arguments:table
     31 bind-ok    server
     40 unbind     client -:short destination:shortstr source:shortstr routingKey:shortstr noWait:bit arguments:table
     51 unbind-ok  server`,
  ],
  [
    'queue',
    50,
    `10 declare    client -:short queue:shortstr passive:bit durable:bit exclusive:bit autoDelete:bit noWait:bit arguments:table
     11 declare-ok server queue:shortstr messageCount:long consumerCount:long
     20 bind       client -:short queue:shortstr exchange:shortstr routingKey:shortstr noWait:bit arguments:table
     21 bind-ok    server
     30 purge      client -:short queue:shortstr noWait:bit
     31 purge-ok   server messageCount:long
     40 delete     client -:short queue:shortstr ifUnused:bit ifEmpty:bit noWait:bit
     41 delete-ok  server messageCount:long
     50 unbind     client -:short queue:shortstr exchange:shortstr routingKey:shortstr arguments:table
     51 unbind-ok  server`,
  ],
  [
    'basic',
    BASIC,
    `10 qos        client prefetchSize:long prefetchCount:short global:bit
     11 qos-ok     server
     20 consume    client -:short queue:shortstr consumerTag:shortstr noLocal:bit noAck:bit exclusive:bit noWait:bit arguments:table
     21 consume-ok server consumerTag:shortstr
     30 cancel     both   consumerTag:shortstr noWait:bit
     31 cancel-ok  both   consumerTag:shortstr
     40 publish    client -:short exchange:shortstr routingKey:shortstr mandatory:bit immediate:bit
     50 return     server replyCode:short replyText:shortstr exchange:shortstr routingKey:shortstr
     60 deliver    server consumerTag:shortstr deliveryTag:longlong redelivered:bit exchange:shortstr routingKey:shortstr
     70 get        client -:short queue:shortstr noAck:bit
     71 get-ok     server deliveryTag:longlong redelivered:bit exchange:shortstr routingKey:shortstr messageCount:long
     72 get-empty  server -:shortstr
     80 ack        both   deliveryTag:longlong multiple:bit
     90 reject     client deliveryTag:longlong requeue:bit
    100 recover-async client requeue:bit
    110 recover    client requeue:bit
    111 recover-ok server
    120 nack       both   deliveryTag:longlong multiple:bit requeue:bit`,
  ],
  [
    'confirm',
    85,
    `10 select     client noWait:bit
     11 select-ok  server`,
  ],
  [
    'tx',
    90,
    `10 select     client
     11 select-ok  server
     20 commit     client
     21 commit-ok  server
     30 rollback   client
     31 rollback-ok server`,
  ],
]

const WITH_CONTENT: ReadonlySet<string> = new Set([
  'basic publish',
  'basic return',
  'basic deliver',
  'basic get-ok',
])

const METHODS = CLASSES.flatMap(([className, classId, rows]) =>
  rows.split('\n').map((row) => methodIn(className, classId, row)),
)
const NAMES: ReadonlySet<string> = new Set(METHODS.map(({ name }) => name))
const BY_ID: ReadonlyMap<number, Method> = new Map(
  METHODS.map((method) => [
    (method.classId << 16) | method.methodId,
    { ...method, isAsked: NAMES.has(`${method.name}-ok`) },
  ]),
)

function methodIn(className: string, classId: number, row: string): Method {
  const [id, verb, sender, ...args] = row.trim().split(/ +/)
  const name = `${className} ${verb}`
  const answered = /^(.*)-(ok|empty)$/.exec(name)
  return {
    classId,
    methodId: Number(id),
    name,
    sender: sender as Method['sender'],
    arguments: args.map((each) => {
      const [argument, type] = each.split(':') as [string, ArgumentType]
      return { name: argument === '-' ? '' : argument, type }
    }),
    hasContent: WITH_CONTENT.has(name),
    isAsked: false,
    mayWaive: row.includes('noWait'),
    answers: answered?.[1] ?? '',
  }
}
