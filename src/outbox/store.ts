import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, openSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { Database, isDamaged, makeFolder, type Row } from '../bus/database.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { CallSelector, DeadCall, OutboxFigures, OutboxLane } from '../wire/outbox.ts'
import type { Lane, NewCall, Settlement, WaitingCall } from './call.ts'
import { copyReadable, isBeingMended, setAside, takenOver } from './damaged.ts'
import { SCHEMA, TABLES, UPGRADES } from './schema.ts'
import type { Delivery } from './sender.ts'

export interface StoreOptions {
  /** Of this program alone. */
  readonly folder: string
  /** What waits, and what is dead, at most. */
  readonly maxBytes: number
  readonly whenFull: 'refuse' | 'drop-oldest'
  readonly now: () => number
  readonly ends: Pick<Delivery, 'leavesSomething' | 'gone'>
  /** Told what has happened to the file. */
  readonly report: (text: string) => void
}

/**
 * Calls on disk, in the order in which they came. SQLite takes some 15 µs of a core for a call; a file to which is only
 * appended would take 3, and would want an index, a way to delete, and books of its own: the call over the bridge takes 50.
 * What was pushed is safe when the program is killed; what came in the last moment before the machine loses power may be gone.
 * Nothing of what waits is kept in memory.
 */
export class OutboxStore {
  readonly #options: StoreOptions
  #database: Database
  #name = ''
  #last = 0
  #bytes = 0
  #deadBytes = 0
  readonly #totals = new Map<string, Total>()
  /** Some of the lanes, by caller and key: the others are looked up. */
  readonly #lanes = new Map<string, number>()
  /** Numbers of grants, by their text. */
  readonly #grants = new Map<string, number>()
  /** Numbers of the calls that are being sent, by lane: up to this one. */
  readonly #taken = new Map<number, number>()

  /** Throws `E_STORE` when the folder cannot be used, or is by somebody else. */
  constructor(options: StoreOptions) {
    this.#options = options
    makePrivate(options.folder)
    try {
      this.#database = isBeingMended(options.folder, NAME) ? this.#openAnew() : this.#open()
    } catch (error) {
      if (!isDamaged(error)) throw error
      this.#database = this.#openAnew()
    }
  }

  /** Bytes of what waits. */
  get bytes(): number {
    return this.#bytes
  }

  get waiting(): number {
    return this.#sum(({ waiting }) => waiting)
  }

  /**
   * Keeps a call, and answers its id, and whether it is the only one of its lane. Throws `E_HELPER_REFUSED` when there is no room, and `E_STORE` when the disk refuses;
   * both are counted.
   */
  push(call: NewCall): { readonly id: string; readonly isFirst: boolean } {
    const bytes = bytesOf(call)
    const total = this.#totalOf(call)
    try {
      this.#leaveRoomOnDisk()
      this.#makeRoom(bytes)
      const isFirst = this.#insert(call, total, bytes)
      this.#came(total, bytes)
      return { id: this.idOf(this.#last), isFirst }
    } catch (error) {
      total.refused++
      // What was to be made with the call is not there.
      this.#lanes.clear()
      this.#grants.clear()
      throw error
    }
  }

  /** Several in one transaction. Throws, and has kept none of them and counted nothing, when one of them cannot be. */
  pushAll(calls: readonly NewCall[]): { readonly id: string; readonly isFirst: boolean }[] {
    const { maxBytes } = this.#options
    const sized = calls.map((call) => ({ call, bytes: bytesOf(call), total: this.#totalOf(call) }))
    const all = sized.reduce((sum, { bytes }) => sum + bytes, 0)
    this.#leaveRoomOnDisk()
    if (this.#bytes + this.#deadBytes + all > maxBytes) throw this.#full()
    const before = this.#last
    try {
      const kept = this.#database.transaction(() =>
        sized.map(({ call, total, bytes }) => {
          const isFirst = this.#insert(call, total, bytes)
          return { id: this.idOf(this.#last), isFirst }
        }),
      )
      for (const { total, bytes } of sized) this.#came(total, bytes)
      return kept
    } catch (error) {
      this.#last = before
      this.#lanes.clear()
      this.#grants.clear()
      throw error
    }
  }

  #came(total: Total, bytes: number): void {
    this.#bytes += bytes
    total.waiting++
    total.waitingBytes += bytes
  }

  /**
   * Up to so many lanes whose turn it is, without those that are being worked on; longest due first. `mostFailing`: of those whose
   * last attempt has failed.
   */
  due(now: number, most: number, mostFailing: number): Lane[] {
    const failing = this.#due('failures > 0', now, mostFailing)
    const rows = [...failing, ...this.#due('failures = 0', now, most)]
    if (failing.length > 0) rows.sort((one, other) => Number(one.due) - Number(other.due))
    return rows.slice(0, most).map(laneOf)
  }

  #due(which: 'failures > 0' | 'failures = 0', now: number, most: number): Row[] {
    if (most <= 0) return []
    const busy = this.#taken
    const rows = this.#database.all(
      `SELECT ${LANE}, due FROM lanes JOIN totals ON totals.number = lanes.total WHERE ${which} AND due <= ? ORDER BY due LIMIT ?`,
      now,
      most + busy.size,
    )
    return rows.filter(({ lane }) => !busy.has(Number(lane))).slice(0, most)
  }

  /** The clock was put back by so much: who waits for a time waits as long as was meant. */
  clockBack(now: number, byMs: number): void {
    this.#database.run('UPDATE lanes SET due = due - ?2 WHERE due > ?1', now, byMs)
  }

  /** When the next lane after then has its turn, ms since the epoch; undefined when none waits for it. */
  nextDue(now: number): number | undefined {
    const rows = [
      this.#database.get('SELECT min(due) AS due FROM lanes WHERE failures = 0 AND due > ?', now),
      this.#database.get('SELECT min(due) AS due FROM lanes WHERE failures > 0 AND due > ?', now),
    ]
    const due = rows.map((row) => row?.due).filter((each) => typeof each === 'number')
    return due.length === 0 ? undefined : Math.min(...due)
  }

  /** The oldest calls of a lane, of the same grants, which are kept from others until `settle`. At least one, if there is one. */
  take({ number: lane }: Lane, most: number, mostBytes: number): WaitingCall[] {
    const rows = this.#database.all(
      'SELECT number, bytes, grants FROM calls WHERE lane = ? ORDER BY number LIMIT ?',
      lane,
      most,
    )
    let bytes = 0
    const beyond = rows.findIndex(({ grants, ...row }, at) => {
      bytes += Number(row.bytes) - OVERHEAD
      return at > 0 && (bytes > mostBytes || grants !== rows[0]?.grants)
    })
    const fitting = beyond === -1 ? rows : rows.slice(0, beyond)
    const calls = fitting.flatMap(({ number }) => {
      const row = this.#database.get('SELECT * FROM calls WHERE number = ?', Number(number))
      return row === undefined ? [] : [this.#callOf(row)]
    })
    const last = calls.at(-1)
    if (last === undefined) {
      // Its calls were dropped meanwhile.
      this.#database.run('DELETE FROM lanes WHERE number = ?', lane)
      this.#lanes.clear()
    } else this.#taken.set(lane, last.number)
    return calls
  }

  /**
   * Notes what came of what was taken. Nothing of it when it throws: then it is still taken. Calls that are not there any more,
   * since they were under way twice when the file was mended, are counted once.
   */
  settle(lane: Lane, settlement: Settlement): void {
    const total = this.#totalOfLane(lane)
    const { delivered, dead, failed, error, due } = settlement
    const attempts = delivered.length + dead.length + failed.length
    const changed = { ...total, attempts: total.attempts + attempts }
    const before = changed.delivered + changed.dead
    let gone = 0
    let died = 0
    const ended = this.#ending('calls', delivered, total)
    this.#database.transaction(() => {
      for (const number of delivered) {
        const bytes = this.#delete(number)
        if (bytes > 0) changed.delivered++
        gone += bytes
      }
      for (const { number, reason } of dead) {
        const bytes = this.#bury(number, lane, reason)
        if (bytes > 0) changed.dead++
        gone += bytes
        died += bytes
      }
      for (const number of failed)
        this.#database.run('UPDATE calls SET attempts = attempts + 1 WHERE number = ?', number)
      this.#schedule(lane, { error, due, failures: error === '' ? 0 : lane.failures + 1 })
      this.#keep(changed)
    })
    this.#deadBytes += died
    this.#gone(changed, changed.delivered + changed.dead - before, gone)
    Object.assign(total, changed)
    this.#taken.delete(lane.number)
    ended()
    this.#forgetDead()
    this.#shrink()
  }

  /** Gives up calls of a lane that came before then, up to so many; none while some are being sent. Answers their ids. */
  expire(lane: Lane, before: number, reason: string, most: number): string[] {
    if (this.#taken.has(lane.number)) return []
    const rows = this.#database.all(
      'SELECT number FROM calls WHERE lane = ? AND queued < ? ORDER BY number LIMIT ?',
      ...[lane.number, before, most],
    )
    if (rows.length === 0) return []
    const total = this.#totalOfLane(lane)
    const changed = { ...total, dead: total.dead + rows.length }
    let died = 0
    this.#database.transaction(() => {
      for (const { number } of rows) died += this.#bury(Number(number), lane, reason, 0)
      this.#refresh(lane.number)
      this.#keep(changed)
    })
    this.#deadBytes += died
    this.#gone(changed, rows.length, died)
    Object.assign(total, changed)
    this.#forgetDead()
    return rows.map(({ number }) => this.idOf(Number(number)))
  }

  figures(): OutboxFigures[] {
    const rows = this.#database.all('SELECT total, min(oldest) AS oldest FROM lanes GROUP BY total')
    const oldest = new Map(rows.map((row) => [row.total, Number(row.oldest)]))
    return [...this.#totals.values()].map(({ number, agent, path, title, ...counts }) => ({
      ...{ agent, helper: path, title },
      queued: counts.delivered + counts.dead + counts.dropped + counts.waiting,
      delivered: counts.delivered,
      attempts: counts.attempts,
      dead: counts.dead,
      dropped: counts.dropped,
      refused: counts.refused,
      waiting: counts.waiting,
      waitingBytes: counts.waitingBytes,
      oldest: oldest.get(number) ?? null,
    }))
  }

  /** What waits, by key, oldest first; at most so many. */
  lanes(most: number): OutboxLane[] {
    const rows = this.#database.all(
      `SELECT ${LANE}, oldest, error, due, (SELECT count(*) FROM calls WHERE lane = lanes.number) AS waiting
       FROM lanes JOIN totals ON totals.number = lanes.total ORDER BY oldest LIMIT ?`,
      most,
    )
    return rows.map((row) => {
      const { agent, title, path, key, failures } = laneOf(row)
      return {
        ...{ agent, title, helper: path, key, failures },
        waiting: Number(row.waiting),
        oldest: Number(row.oldest),
        error: String(row.error),
        due: Number(row.due),
      }
    })
  }

  /** Calls that were given up, newest first; at most so many. */
  dead(most: number): DeadCall[] {
    const rows = this.#database.all(
      `SELECT dead.*, agent, path, title FROM dead JOIN totals ON totals.number = dead.total
       ORDER BY died DESC, dead.number DESC LIMIT ?`,
      most,
    )
    return rows.map((row) => ({
      id: this.idOf(Number(row.number)),
      agent: String(row.agent),
      helper: String(row.path),
      title: String(row.title),
      key: String(row.key),
      at: Number(row.at),
      queuedAt: Number(row.queued),
      diedAt: Number(row.died),
      attempts: Number(row.attempts),
      reason: String(row.reason),
      args: String(row.args),
    }))
  }

  /**
   * Those that were given up wait again, behind those that do, as if they had just come. Like the others up to so many, of those
   * behind a number: it answers how many, and the number to go on behind; undefined at the end.
   */
  retry(selector: CallSelector, after: number, most: number): Piece {
    const rows = this.#deadRows(selector, after, most)
    const moved = new Map<Total, { count: number; bytes: number }>()
    this.#lanes.clear()
    const now = this.#options.now()
    this.#database.transaction(() => {
      for (const { number, total: owner, key, bytes } of rows) {
        const total = this.#totalBy(Number(owner))
        if (total === undefined) continue
        const lane = this.#laneOf(total, String(key), now).number
        this.#database.run(
          `INSERT INTO calls (number, lane, bytes, queued, at, attempts, version, entry, args, grants)
           SELECT number, ?, bytes, ?, at, 0, version, entry, args, grants FROM dead WHERE number = ?`,
          ...[lane, now, Number(number)],
        )
        this.#database.run('DELETE FROM dead WHERE number = ?', Number(number))
        addTo(moved, total, Number(bytes))
      }
      for (const [total, { count }] of moved) this.#keep({ ...total, dead: total.dead - count })
    })
    for (const [total, { count, bytes }] of moved) {
      total.dead -= count
      total.waiting += count
      total.waitingBytes += bytes
      this.#bytes += bytes
      this.#deadBytes -= bytes
    }
    return pieceOf(rows, most, countOf(moved))
  }

  /** Deletes those that were given up. */
  dropDead(selector: CallSelector, after: number, most: number): Piece {
    const rows = this.#deadRows(selector, after, most)
    const ended: (() => void)[] = []
    this.#database.transaction(() => {
      for (const row of rows) ended.push(this.#deleteDead(row))
    })
    for (const { bytes } of rows) this.#deadBytes -= Number(bytes)
    for (const end of ended) end()
    return pieceOf(rows, most, rows.length)
  }

  /** Drops what waits, but for what is being sent. */
  dropWaiting({ id, agent, helper, key }: CallSelector, after: number, most: number): Piece {
    const rows = this.#database.all(
      `SELECT calls.number, lane, calls.bytes FROM calls JOIN lanes ON lanes.number = lane
       JOIN totals ON totals.number = lanes.total
       WHERE calls.number > ?1 AND (?2 IS NULL OR calls.number = ?2) AND (?3 IS NULL OR agent = ?3)
       AND (?4 IS NULL OR path = ?4) AND (?5 IS NULL OR key = ?5) ORDER BY calls.number LIMIT ?6`,
      ...[after, this.#numberOf(id), agent ?? null, helper ?? null, key ?? null, most],
    )
    return pieceOf(rows, most, this.#drop(rows.filter((row) => !this.#isTaken(row))))
  }

  /**
   * Deletes the figures of agents that have an identity which is not among these, if nothing of theirs waits or was given up.
   * Answers how many.
   */
  prune(left: ReadonlySet<string>): number {
    const rows = this.#database.all(
      `SELECT number FROM totals WHERE id IS NOT NULL AND number NOT IN (SELECT total FROM lanes)
       AND number NOT IN (SELECT total FROM dead)`,
    )
    const gone = rows
      .map(({ number }) => this.#totalBy(Number(number)))
      .filter((total) => total !== undefined)
      .filter(({ id, waiting }) => waiting === 0 && id !== null && !left.has(id))
    this.#database.transaction(() => {
      for (const { number } of gone) this.#database.run('DELETE FROM totals WHERE number = ?', number)
    })
    for (const { number, agent, path } of gone) {
      this.#totals.delete(`${agent}\n${path}`)
      this.#totalsByNumber.delete(number)
    }
    return gone.length
  }

  /**
   * The file is damaged: puts it aside, and takes over into a new one what can be read of it. What was taken is free again.
   */
  mend(): void {
    // Of a damaged file this may fail as well.
    this.#database.close()
    this.#database = this.#openAnew()
  }

  /** False when it was damaged and could not be mended yet. */
  get isOpen(): boolean {
    return this.#database.isOpen
  }

  close(): void {
    this.#database.close()
  }

  // --- opening -------------------------------------------------------------------------------------------------

  #open(): Database {
    const database = new Database(this.#options.folder, NAME, SCHEMA, UPGRADES)
    try {
      this.#load(database)
      return database
    } catch (error) {
      database.close()
      throw error
    }
  }

  #openAnew(): Database {
    const { folder, now, report } = this.#options
    const aside = setAside(folder, NAME, now())
    makePrivate(folder)
    const database = new Database(folder, NAME, SCHEMA, UPGRADES)
    const copied = copyReadable(aside, database, TABLES)
    takenOver(folder, NAME)
    report(
      `${fileOf(folder)} is damaged: it is kept as ${aside}, and ${copied.calls ?? 0} calls that wait and ${copied.dead ?? 0} that were given up were taken over; what could not be read is not sent`,
    )
    this.#load(database)
    return database
  }

  #load(database: Database): void {
    const now = this.#options.now()
    // 16 MiB: what is written and soon deleted again need not reach the file itself.
    database.all('PRAGMA wal_autocheckpoint = 4000')
    database.transaction(() => {
      database.run("INSERT OR IGNORE INTO about VALUES ('name', ?)", randomBytes(5).toString('hex'))
      database.run("INSERT OR IGNORE INTO about VALUES ('run', '0')")
      database.run("UPDATE about SET value = value + 1 WHERE name = 'run'")
      // Much may have changed since the last attempt, also the clock: whoever starts Remora wants to see what goes out.
      database.run('UPDATE lanes SET due = ?1 WHERE due > ?1', now)
      // Left where the file was damaged.
      database.run('DELETE FROM calls WHERE lane NOT IN (SELECT number FROM lanes)')
      database.run('DELETE FROM lanes WHERE total NOT IN (SELECT number FROM totals)')
      database.run('DELETE FROM dead WHERE total NOT IN (SELECT number FROM totals)')
      database.run(
        `DELETE FROM grants WHERE number NOT IN (
           SELECT grants FROM calls WHERE grants IS NOT NULL UNION SELECT grants FROM dead WHERE grants IS NOT NULL)`,
      )
    })
    const about = (name: string) => database.get('SELECT value FROM about WHERE name = ?', name)?.value
    this.#name = String(about('name'))
    // Numbers of later runs are higher ones, also when all earlier ones have gone.
    this.#last = Number(about('run')) * CALLS_OF_A_RUN
    this.#totals.clear()
    this.#lanes.clear()
    this.#grants.clear()
    this.#taken.clear()
    this.#bytes = 0
    for (const row of database.all('SELECT * FROM totals')) this.#remember(totalOf(row))
    // All pages of the table are looked at: what is damaged is found now.
    const waiting = database.all(
      'SELECT lane, count(*) AS count, sum(bytes) AS bytes FROM calls NOT INDEXED GROUP BY lane',
    )
    const lanes = new Map(
      database.all('SELECT number, total FROM lanes').map((row) => [row.number, row.total]),
    )
    for (const { lane, count, bytes } of waiting) {
      const total = this.#totalBy(Number(lanes.get(lane)))
      if (total === undefined) continue
      total.waiting += Number(count)
      total.waitingBytes += Number(bytes)
      this.#bytes += Number(bytes)
    }
    this.#deadBytes = Number(database.get('SELECT coalesce(sum(bytes), 0) AS bytes FROM dead')?.bytes)
  }

  // --- rows ----------------------------------------------------------------------------------------------------

  /** Answers whether there was no lane for it. */
  #insert(call: NewCall, total: Total, bytes: number): boolean {
    const { at, args, version = null, entry = null } = call
    const grants = call.grants === undefined ? null : this.#grantsOf(call.grants)
    const number = this.#last + 1
    const queued = this.#options.now()
    const insert = (lane: number) =>
      this.#database.run(
        'INSERT INTO calls (number, lane, bytes, queued, at, attempts, version, entry, args, grants) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?)',
        ...[number, lane, bytes, queued, at, version, entry, args, grants],
      )
    const known = this.#lanes.get(nameOf(total, call.key))
    let isFirst = false
    if (known !== undefined) insert(known)
    else
      isFirst = this.#database.transaction(() => {
        const lane = this.#laneOf(total, call.key, queued)
        insert(lane.number)
        return lane.isNew
      })
    this.#last = number
    return isFirst
  }

  /** Made when it is not there. */
  #laneOf(total: Total, key: string, now: number): { readonly number: number; readonly isNew: boolean } {
    const made = this.#database.run(
      "INSERT OR IGNORE INTO lanes (total, key, oldest, due, failures, error) VALUES (?, ?, ?, ?, 0, '')",
      ...[total.number, key, now, now],
    )
    const row = this.#database.get('SELECT number FROM lanes WHERE total = ? AND key = ?', total.number, key)
    const number = Number(row?.number)
    if (this.#lanes.size >= MOST_LANES_KNOWN) this.#lanes.clear()
    this.#lanes.set(nameOf(total, key), number)
    return { number, isNew: made > 0 }
  }

  /** Few scripts have any, and each has one text for all of its calls. */
  #grantsOf(list: string): number {
    const known = this.#grants.get(list)
    if (known !== undefined) return known
    this.#database.run('INSERT OR IGNORE INTO grants (list) VALUES (?)', list)
    const number = Number(this.#database.get('SELECT number FROM grants WHERE list = ?', list)?.number)
    if (this.#grants.size >= MOST_GRANTS_KNOWN) this.#grants.clear()
    this.#grants.set(list, number)
    return number
  }

  /** Answers its bytes; 0 when it is not there. */
  #delete(number: number): number {
    const row = this.#database.get('SELECT bytes FROM calls WHERE number = ?', number)
    this.#database.run('DELETE FROM calls WHERE number = ?', number)
    return Number(row?.bytes ?? 0)
  }

  #bury(number: number, lane: Lane, reason: string, attempt = 1): number {
    this.#database.run(
      `INSERT INTO dead (number, total, key, bytes, queued, at, attempts, version, entry, args, grants, died, reason)
       SELECT number, ?, ?, bytes, queued, at, attempts + ?, version, entry, args, grants, ?, ? FROM calls WHERE number = ?`,
      ...[this.#totalOfLane(lane).number, lane.key, attempt, this.#options.now(), reason, number],
    )
    return this.#delete(number)
  }

  /** A lane without calls is none. */
  #schedule(
    { number }: Lane,
    { due, failures, error }: { readonly due: number; readonly failures: number; readonly error: string },
  ): void {
    if (this.#refresh(number))
      this.#database.run(
        'UPDATE lanes SET due = ?, failures = ?, error = ? WHERE number = ?',
        ...[due, failures, error, number],
      )
  }

  /** Notes which call is the oldest of a lane now; false when there is none, and no lane any more. */
  #refresh(lane: number): boolean {
    const oldest = this.#database.get('SELECT queued FROM calls WHERE lane = ? ORDER BY number LIMIT 1', lane)
    if (oldest !== undefined) {
      this.#database.run('UPDATE lanes SET oldest = ? WHERE number = ?', Number(oldest.queued), lane)
      return true
    }
    const row = this.#database.get('SELECT total, key FROM lanes WHERE number = ?', lane)
    const total = this.#totalBy(Number(row?.total))
    if (total !== undefined) this.#lanes.delete(nameOf(total, String(row?.key)))
    this.#database.run('DELETE FROM lanes WHERE number = ?', lane)
    return false
  }

  #callOf({ number, at, queued, attempts, args, version, entry, grants }: Row): WaitingCall {
    return {
      number: Number(number),
      id: this.idOf(Number(number)),
      at: Number(at),
      queuedAt: Number(queued),
      attempts: Number(attempts),
      args: String(args),
      ...(typeof version === 'number' ? { version } : {}),
      ...(typeof entry === 'string' ? { entry } : {}),
      ...(typeof grants === 'number' ? { grants: this.#listOf(grants) } : {}),
    }
  }

  /** What a damaged file no longer says is none. */
  #listOf(grants: number): string {
    const row = this.#database.get('SELECT list FROM grants WHERE number = ?', grants)
    return typeof row?.list === 'string' ? row.list : NO_GRANTS
  }

  /** What the script was told. */
  idOf(number: number): string {
    return `${this.#name}-${number.toString(36)}`
  }

  /** Of an id that is none of ours: one that no call has. */
  #numberOf(id: string | undefined): number | null {
    if (id === undefined) return null
    const [name, digits = ''] = id.split('-')
    return name === this.#name && /^[0-9a-z]{1,11}$/.test(digits) ? Number.parseInt(digits, 36) : -1
  }

  // --- room ----------------------------------------------------------------------------------------------------

  /** Noting what has arrived takes room, too: what waits could not leave a disk that it has filled. */
  #leaveRoomOnDisk(): void {
    const now = performance.now()
    if (now >= this.#lookAt) {
      const { bavail, bsize } = statfsSync(this.#options.folder)
      this.#free = bavail * bsize
      this.#lookAt = now + LOOK_MS
      // What has left makes room for what comes, but goes through the log.
      const isEnough = this.#free + this.#unused() >= LEAST_FREE && this.#free >= LEAST_FREE / 2
      this.#isDiskFull = !isEnough
    }
    if (!this.#isDiskFull) return
    const mib = (bytes: number) => Math.floor(bytes / 2 ** 20)
    throw new Mistake(
      'E_STORE',
      `the disk of ${this.#options.folder} is full: ${mib(this.#free)} MiB are free, and the outbox leaves ${mib(LEAST_FREE)} MiB`,
      { hint: 'Make room there; what is queued already is still sent.' },
    )
  }
  #free = 0
  #isDiskFull = false
  #lookAt = 0

  /** Bytes of the file in which nothing is. */
  #unused(): number {
    return Number(this.#database.get('PRAGMA freelist_count')?.freelist_count) * PAGE_BYTES
  }

  /** A file that was large, and in which nothing is left, becomes small again. */
  #shrink(): void {
    if (this.#bytes === 0 && this.#deadBytes === 0 && this.#unused() >= WORTH_SHRINKING)
      this.#database.all('VACUUM')
  }

  #makeRoom(bytes: number): void {
    const { maxBytes, whenFull } = this.#options
    const isFull = () => this.#bytes + this.#deadBytes + bytes > maxBytes
    if (!isFull()) return
    // What was given up goes first.
    for (let dead = this.#oldestDead(); isFull() && dead !== undefined; dead = this.#oldestDead()) {
      if (whenFull === 'refuse') break
      this.#dropDead(dead)
    }
    for (let at = 0; whenFull === 'drop-oldest' && isFull(); ) {
      const row = this.#database.get(
        'SELECT number, lane, bytes FROM calls WHERE number > ? ORDER BY number LIMIT 1',
        at,
      )
      if (row === undefined) break
      // What is under way may have arrived already.
      if (this.#isTaken(row)) at = Number(row.number)
      else this.#drop([row])
    }
    if (isFull()) throw this.#full()
  }

  #full(): Mistake {
    return new Mistake(
      'E_HELPER_REFUSED',
      `the outbox is full: it holds ${this.#bytes + this.#deadBytes} bytes of at most ${this.#options.maxBytes}`,
      { hint: 'Raise scripting.outbox.maxSize, or look by remora outbox at what waits, and drop it.' },
    )
  }

  #drop(rows: readonly Row[]): number {
    const dropped = new Map<Total, { count: number; bytes: number }>()
    const lanes = new Map<number, Total | undefined>()
    const ended: (() => void)[] = []
    this.#database.transaction(() => {
      for (const row of rows) {
        const [number, lane] = [Number(row.number), Number(row.lane)]
        if (!lanes.has(lane)) {
          const owner = this.#database.get('SELECT total FROM lanes WHERE number = ?', lane)
          lanes.set(lane, this.#totalBy(Number(owner?.total)))
        }
        const total = lanes.get(lane)
        if (total === undefined) continue
        ended.push(this.#ending('calls', [number], total))
        this.#delete(number)
        addTo(dropped, total, Number(row.bytes))
      }
      for (const lane of lanes.keys()) if (!this.#taken.has(lane)) this.#refresh(lane)
      for (const [total, { count }] of dropped) this.#keep({ ...total, dropped: total.dropped + count })
    })
    for (const [total, { count, bytes }] of dropped) {
      total.dropped += count
      this.#gone(total, count, bytes)
    }
    for (const end of ended) end()
    return countOf(dropped)
  }

  #isTaken({ number, lane }: Row): boolean {
    return Number(number) <= (this.#taken.get(Number(lane)) ?? -1)
  }

  #deadRows({ id, agent, helper, key }: CallSelector, after: number, most: number): Row[] {
    return this.#database.all(
      `SELECT dead.number, total, key, bytes FROM dead JOIN totals ON totals.number = dead.total
       WHERE dead.number > ?1 AND (?2 IS NULL OR dead.number = ?2) AND (?3 IS NULL OR agent = ?3)
       AND (?4 IS NULL OR path = ?4) AND (?5 IS NULL OR key = ?5) ORDER BY dead.number LIMIT ?6`,
      ...[after, this.#numberOf(id), agent ?? null, helper ?? null, key ?? null, most],
    )
  }

  /** Calls that are about to go for good: who wants to know of it is told by what this answers. */
  #ending(table: 'calls' | 'dead', numbers: readonly number[], total: Total): () => void {
    const { ends } = this.#options
    if (!ends.leavesSomething(total.path)) return () => {}
    const sql = `SELECT args FROM ${table} WHERE number = ?`
    const rows = numbers.map((number) => this.#database.get(sql, number))
    const args = rows.filter((row) => row !== undefined).map((row) => String(row.args))
    const { agent, title, place, id, path } = total
    const caller = { agent, title, index: place, path, ...(id === null ? {} : { id }) }
    return () => {
      for (const each of args) ends.gone(caller, each)
    }
  }

  #oldestDead(): Row | undefined {
    return this.#database.get('SELECT number, total, bytes FROM dead ORDER BY died, number LIMIT 1')
  }

  #dropDead(row: Row): void {
    const ended = this.#deleteDead(row)
    this.#deadBytes -= Number(row.bytes)
    ended()
  }

  /** Answers what is to be done when it is safe. */
  #deleteDead({ number, total }: Row): () => void {
    const owner = this.#totalBy(Number(total))
    const ended = owner === undefined ? () => {} : this.#ending('dead', [Number(number)], owner)
    this.#database.run('DELETE FROM dead WHERE number = ?', Number(number))
    return ended
  }

  /** They have a part of the room: the oldest go for newer ones. */
  #forgetDead(): void {
    while (this.#deadBytes > this.#options.maxBytes * DEAD_SHARE) {
      const row = this.#oldestDead()
      if (row === undefined) return
      this.#dropDead(row)
    }
  }

  // --- books ---------------------------------------------------------------------------------------------------

  #totalOf(caller: Pick<NewCall, 'agent' | 'path' | 'title' | 'index' | 'id'>): Total {
    const { agent, path, title, index, id = null } = caller
    const known = this.#totals.get(`${agent}\n${path}`)
    if (known?.title === title && known.place === index) return known
    this.#database.run(
      `INSERT INTO totals (agent, path, title, place, id, delivered, attempts, dead, dropped, refused)
       VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0, 0, 0)
       ON CONFLICT (agent, path) DO UPDATE SET title = ?3, place = ?4, id = ?5`,
      ...[agent, path, title, index, id],
    )
    if (known !== undefined) return Object.assign(known, { title, place: index, id })
    const row = this.#database.get('SELECT * FROM totals WHERE agent = ? AND path = ?', agent, path)
    return this.#remember(totalOf(row ?? {}))
  }

  /** What the agent was called when the lane was looked up may be old. */
  #totalOfLane(lane: Lane): Total {
    return this.#totals.get(`${lane.agent}\n${lane.path}`) ?? this.#totalOf(lane)
  }

  #remember(total: Total): Total {
    this.#totals.set(`${total.agent}\n${total.path}`, total)
    this.#totalsByNumber.set(total.number, total)
    return total
  }
  readonly #totalsByNumber = new Map<number, Total>()

  #totalBy(number: number): Total | undefined {
    return this.#totalsByNumber.get(number)
  }

  #keep({ number, delivered, attempts, dead, dropped, refused }: Total): void {
    this.#database.run(
      'UPDATE totals SET delivered = ?, attempts = ?, dead = ?, dropped = ?, refused = ? WHERE number = ?',
      ...[delivered, attempts, dead, dropped, refused, number],
    )
  }

  #gone(total: Total, count: number, bytes: number): void {
    total.waiting -= count
    total.waitingBytes -= bytes
    this.#bytes -= bytes
  }

  #sum(of: (total: Total) => number): number {
    let sum = 0
    for (const total of this.#totals.values()) sum += of(total)
    return sum
  }
}

/** Of one caller. What waits is counted when the file is opened, the rest is on disk with it. */
interface Total {
  readonly number: number
  readonly agent: string
  readonly path: string
  title: string
  place: number
  id: string | null
  delivered: number
  attempts: number
  dead: number
  dropped: number
  refused: number
  waiting: number
  waitingBytes: number
}

/** What came of some calls. */
export interface Piece {
  readonly count: number
  /** The rest is behind this number; undefined when there is none. */
  readonly after: number | undefined
}

function pieceOf(rows: readonly Row[], most: number, count: number): Piece {
  const last = rows.at(-1)
  return { count, after: rows.length < most || last === undefined ? undefined : Number(last.number) }
}

function addTo(sums: Map<Total, { count: number; bytes: number }>, total: Total, bytes: number): void {
  const sum = sums.get(total) ?? { count: 0, bytes: 0 }
  sums.set(total, { count: sum.count + 1, bytes: sum.bytes + bytes })
}

function countOf(sums: ReadonlyMap<Total, { readonly count: number }>): number {
  return [...sums.values()].reduce((sum, { count }) => sum + count, 0)
}

function totalOf(row: Row): Total {
  return {
    number: Number(row.number),
    agent: String(row.agent),
    path: String(row.path),
    title: String(row.title),
    place: Number(row.place),
    id: typeof row.id === 'string' ? row.id : null,
    delivered: Number(row.delivered),
    attempts: Number(row.attempts),
    dead: Number(row.dead),
    dropped: Number(row.dropped),
    refused: Number(row.refused),
    waiting: 0,
    waitingBytes: 0,
  }
}

function laneOf({ lane, agent, path, title, place, id, key, failures }: Row): Lane {
  return {
    number: Number(lane),
    agent: String(agent),
    path: String(path),
    title: String(title),
    index: Number(place),
    ...(typeof id === 'string' ? { id } : {}),
    key: String(key),
    failures: Number(failures),
  }
}

function bytesOf({ args }: NewCall): number {
  return Buffer.byteLength(args) + OVERHEAD
}

const LANE = 'lanes.number AS lane, agent, path, title, place, id, key, failures'

function nameOf({ number }: Total, key: string): string {
  return `${number}\n${key}`
}

/** Whether an earlier run has left something in a folder. */
export function isThere(folder: string): boolean {
  return existsSync(fileOf(folder)) || isBeingMended(folder, NAME)
}

function fileOf(folder: string): string {
  return join(folder, `${NAME}.db`)
}

/** What is in it is for nobody else: also the files that SQLite puts beside it have the rights of this one. */
function makePrivate(folder: string): void {
  makeFolder(folder)
  const path = fileOf(folder)
  try {
    closeSync(openSync(path, 'a', 0o600))
  } catch (cause) {
    throw new Mistake('E_STORE', `${path}: ${(cause as Error).message}`, {
      hint: 'Look whether the disk is full, and whether the folder may be written.',
      cause,
    })
  }
}

const NAME = 'effects'
/** Of the disk: the log of SQLite before it goes into the file, twice. */
const LEAST_FREE = 32 << 20
const LOOK_MS = 500
const PAGE_BYTES = 4096
const WORTH_SHRINKING = 16 << 20
/** What a call takes beside its arguments, about. */
const OVERHEAD = 100
/** Part of the room that those may take which were given up. */
const DEAD_SHARE = 0.25
const MOST_LANES_KNOWN = 1000
const MOST_GRANTS_KNOWN = 1000
const NO_GRANTS = '{"helpers":[]}'
const CALLS_OF_A_RUN = 2 ** 32
