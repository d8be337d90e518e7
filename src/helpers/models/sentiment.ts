import { createRequire } from 'node:module'

interface Scores {
  readonly neg: number
  readonly neu: number
  readonly pos: number
  readonly compound: number
}

/** 50 ms of work at most. */
export const LONGEST_TEXT = 100_000

/** VADER: Hutto and Gilbert, A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text, ICWSM 2014. */
export function sentimentOf(text: string): Scores {
  // Its list of words takes a while to load: when somebody asks.
  const vader = require('vader-sentiment') as Vader
  return vader.SentimentIntensityAnalyzer.polarity_scores(text)
}

/** What there is of it: the package has no types. */
interface Vader {
  readonly SentimentIntensityAnalyzer: { polarity_scores(text: string): Scores }
}

const require = createRequire(import.meta.url)
