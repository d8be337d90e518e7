import { z } from 'zod'
import { agentVersion } from '../../wire/agents.ts'
import { alertView } from '../../wire/alerts.ts'
import { apiFailure } from '../../wire/api.ts'
import { auditRecord } from '../../wire/audit.ts'
import { agentTemplate, codeCheck } from '../../wire/authoring.ts'
import { consoleLine } from '../../wire/console.ts'
import { effectRecord } from '../../wire/effects.ts'
import { fieldView } from '../../wire/filters.ts'
import { identity, settingView } from '../../wire/identity.ts'
import { jobAnswer, jobView } from '../../wire/jobs.ts'
import { outboxAnswer, outboxFigures } from '../../wire/outbox.ts'
import { recordingView } from '../../wire/recordings.ts'
import { agentView, nodeView, sharedValue } from '../../wire/views.ts'

/** Gives names to what the description of the interface is not to describe again wherever it is. May be done again. */
export function nameSchemas(): void {
  for (const [id, schema] of Object.entries(NAMES)) z.globalRegistry.add(schema, { id })
}

const NAMES = {
  Agent: agentView,
  AgentVersion: agentVersion,
  Failure: apiFailure,
  Identity: identity,
  Setting: settingView,
  Field: fieldView,
  AgentTemplate: agentTemplate,
  AuditRecord: auditRecord,
  EffectRecord: effectRecord,
  CodeCheck: codeCheck,
  ConsoleLine: consoleLine,
  JobAnswer: jobAnswer,
  Job: jobView,
  Node: nodeView,
  SharedValue: sharedValue,
  Alert: alertView,
  Recording: recordingView,
  OutboxAnswer: outboxAnswer,
  OutboxFigures: outboxFigures,
}
