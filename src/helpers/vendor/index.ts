import { namespace } from '../helper.ts'
import { elastic } from './elastic.ts'
import { influxdb } from './influxdb.ts'
import { mail } from './mail.ts'
import { slack, slackBot } from './slack.ts'
import { webhook, webhookForm } from './webhook.ts'

export const vendor = namespace('vendor', 'Requests to other systems.', {
  webhook,
  webhookForm,
  slack,
  slackBot,
  influxdb,
  mail,
  elastic,
})
