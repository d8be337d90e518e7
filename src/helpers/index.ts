import { aggregation } from './aggregation.ts'
import { alert } from './alert.ts'
import { cluster, clusterCounter, clusterQuantile, clusterTopk, clusterUnique } from './cluster.ts'
import { consoleHelpers } from './console.ts'
import { dissectors } from './dissectors.ts'
import { file } from './file.ts'
import type { Namespace } from './helper.ts'
import { hub } from './hub.ts'
import { jobs, scheduler } from './jobs.ts'
import { kfl } from './kfl.ts'
import { chatgpt } from './models/chatgpt.ts'
import { llm } from './models/llm.ts'
import { otel } from './otel/index.ts'
import { pcap } from './pcap.ts'
import { policy } from './policy.ts'
import { prometheus } from './prometheus/index.ts'
import { report } from './report.ts'
import { test } from './test.ts'
import { timers } from './timers.ts'
import { utils } from './utils.ts'
import { azure } from './vendor/azure.ts'
import { gcs } from './vendor/gcs.ts'
import { vendor } from './vendor/index.ts'
import { kafka } from './vendor/kafka.ts'
import { kinesis } from './vendor/kinesis.ts'
import { loki } from './vendor/loki.ts'
import { nats } from './vendor/nats.ts'
import { s3 } from './vendor/s3.ts'
import { wrapper } from './wrapper/index.ts'

/** All that scripts can call. One line makes a namespace known to the sandbox, the typings and the docs. */
export const namespaces: readonly Namespace[] = [
  consoleHelpers,
  test,
  jobs,
  scheduler,
  hub,
  cluster,
  clusterCounter,
  clusterTopk,
  clusterUnique,
  clusterQuantile,
  utils,
  kfl,
  file,
  pcap,
  alert,
  policy,
  kafka,
  nats,
  prometheus,
  aggregation,
  report,
  vendor,
  s3,
  kinesis,
  azure,
  otel,
  loki,
  gcs,
  wrapper,
  chatgpt,
  llm,
  timers,
  dissectors,
]
