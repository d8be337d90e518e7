import { MISTAKES, Mistake, type MistakeCode } from '../mistake/mistake.ts'
import { type ApiFailure, apiFailure } from '../wire/api.ts'

/** The mistake that a hub has answered; an error without a code that people can do something about is the hub's. */
export function refusal({ code, message, hint }: ApiFailure): Error {
  if (!isMistakeCode(code)) return new Error(`the hub has failed: ${message}`)
  return new Mistake(code, message, hint === undefined ? {} : { hint })
}

/** What an answer that is no success says; undefined when it is not of a hub. */
export function refusalIn(text: string): Error | undefined {
  const answer = apiFailure.safeParse(parsed(text))
  return answer.success ? refusal(answer.data) : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isMistakeCode(code: string): code is MistakeCode {
  return Object.hasOwn(MISTAKES, code)
}
