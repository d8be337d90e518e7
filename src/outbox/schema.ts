export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS totals (
    number INTEGER PRIMARY KEY, agent TEXT NOT NULL, path TEXT NOT NULL, title TEXT NOT NULL, place INTEGER NOT NULL,
    id TEXT, delivered INTEGER NOT NULL, attempts INTEGER NOT NULL, dead INTEGER NOT NULL, dropped INTEGER NOT NULL,
    refused INTEGER NOT NULL, UNIQUE (agent, path));
  CREATE TABLE IF NOT EXISTS lanes (
    number INTEGER PRIMARY KEY, total INTEGER NOT NULL, key TEXT NOT NULL, oldest INTEGER NOT NULL, due INTEGER NOT NULL,
    failures INTEGER NOT NULL, error TEXT NOT NULL, UNIQUE (total, key));
  CREATE INDEX IF NOT EXISTS lanes_well ON lanes (due) WHERE failures = 0;
  CREATE INDEX IF NOT EXISTS lanes_failing ON lanes (due) WHERE failures > 0;
  CREATE TABLE IF NOT EXISTS grants (number INTEGER PRIMARY KEY, list TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS calls (
    number INTEGER PRIMARY KEY, lane INTEGER NOT NULL, bytes INTEGER NOT NULL, queued INTEGER NOT NULL, at REAL NOT NULL,
    attempts INTEGER NOT NULL, version INTEGER, entry TEXT, args TEXT NOT NULL, grants INTEGER);
  CREATE INDEX IF NOT EXISTS calls_by_lane ON calls (lane);
  CREATE TABLE IF NOT EXISTS dead (
    number INTEGER PRIMARY KEY, total INTEGER NOT NULL, key TEXT NOT NULL, bytes INTEGER NOT NULL, queued INTEGER NOT NULL,
    at REAL NOT NULL, attempts INTEGER NOT NULL, version INTEGER, entry TEXT, args TEXT NOT NULL, died INTEGER NOT NULL,
    reason TEXT NOT NULL, grants INTEGER);`

/** What makes a file of one version one of the next. */
export const UPGRADES = [
  'ALTER TABLE calls ADD COLUMN grants INTEGER; ALTER TABLE dead ADD COLUMN grants INTEGER; DROP INDEX IF EXISTS lanes_by_due;',
] as const

/** Those whose rows have numbers, in the order in which they are needed. */
export const TABLES = ['totals', 'lanes', 'grants', 'calls', 'dead'] as const
