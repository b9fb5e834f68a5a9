// What the page knows of one job: members, their cells of the last minute, and sums. No DOM. Everything is bounded.
import { STATES, GONE, DEAD, FINISHED, FAILED, isEnded, stateNumber, verdictState } from './states.js';
import { clean, isNumber, millis } from './format.js';
import { EventList } from './event_list.js';
import { guessBeats, sumHistory } from './model_sums.js';
import { Sightings } from './sightings.js';

/** Cells of a strip: one for each reading of the last minute. */
export const CELLS = 240;
/** Records a second are kept once a second. */
export const RATES = 60;
/** Maximum number of members that are kept. The server shows 20,000. */
const MOST_MEMBERS = 25_000;
/** For how long an event is more recent than the readings, whatever the clocks say. */
const EVENT_HOLDS_MS = 2000;

/**
 * @typedef {Record<string, any> & { index: number, node: string }} Row a member, as the server tells it
 * @typedef {{ index: number, node: string, name: string, row: Row, search: string, ended: number,
 *   held: { state: number, time: number, until: number } | null }} Member
 */

export class JobModel {
  /** @param {() => number} [now] milliseconds since 1970: this machine's clock, or the moment of a recording */
  constructor(now = Date.now) {
    this.now = now;
    /** @type {Member[]} */
    this.members = [];
    /** @type {Map<string, number>} */
    this.indexes = new Map();
    this.events = new EventList();
    /** What was seen at any moment: no restart forgets it. */
    this.sightings = new Sightings();
    this.capacity = 0;
    /** One byte a cell: the state's number times 16 plus the beats; a ring of CELLS for each member. */
    this.cells = new Uint8Array(0);
    this.rates = new Float32Array(0);
    this.states = new Uint8Array(0);
    this.quiet = new Uint32Array(0);
    this.head = 0;
    this.rateHead = 0;
    this.ticks = 0;
    /** Members by state in each of the last readings; a ring like the cells. */
    this.history = new Uint16Array(CELLS * STATES.length);
    this.counts = new Uint16Array(STATES.length);
    this.beatsHistory = new Float32Array(CELLS).fill(NaN);
    this.recordsHistory = new Float32Array(CELLS).fill(NaN);
    this.lagHistory = new Float32Array(CELLS).fill(NaN);
    /** Sums over all that beat; the longest lag, and the index of its member. */
    this.totals = { beats: 0, records: 0, beating: 0, lag: 0, slow: -1 };
    /** @type {Record<string, any>} what all members have in common */
    this.job = {};
    this.period = 250;
    this.time = NaN;
    /** @type {string|null} */
    this.zookeeperAway = null;
    this.problem = '';
    this.isKnown = false;
    /** Changes when members come or go. */
    this.generation = 0;
  }

  /** Another moment of a recording follows: nothing of the old one may remain. */
  restart() {
    this.members = [];
    this.indexes.clear();
    this.events.clear();
    for (const ring of [this.beatsHistory, this.recordsHistory, this.lagHistory]) ring.fill(NaN);
    this.history.fill(0);
    this.counts.fill(0);
    [this.job, this.time, this.ticks, this.zookeeperAway, this.problem] = [{}, NaN, 0, null, ''];
    this.generation += 1;
  }

  /** Takes everything anew. @param {Record<string, any>} message */
  snapshot(message) {
    const rates = this.ratesByName();
    const rows = Array.isArray(message.members) ? message.members.slice(0, MOST_MEMBERS) : [];
    this.members = [];
    this.indexes.clear();
    this.capacity = 0;
    this.grow(rows.length);
    this.cells.fill(0);
    this.quiet.fill(0);
    this.beatsHistory = this.unrolled(this.beatsHistory);
    this.recordsHistory = this.unrolled(this.recordsHistory);
    this.lagHistory = this.unrolled(this.lagHistory);
    this.head = 0;
    if (isNumber(message.period_ms) && message.period_ms > 0) this.period = message.period_ms;
    this.job = {};
    this.common(message);
    rows.forEach((row, position) => {
      const index = isNumber(row.index) ? row.index : position;
      this.put(index, row);
      this.fill(index, row.states, row.beats);
      const kept = rates.get(String(row.node));
      if (kept) this.rates.set(kept, index * RATES);
      else this.rates.fill(NaN, index * RATES, (index + 1) * RATES);
    });
    this.members.forEach((_, index) => this.judge(index, this.cell(index, 0) >> 4));
    sumHistory(this);
    this.sum();
    guessBeats(this);
    this.events.merge(message.events ?? [], message.missed ?? 0);
    this.isKnown = true;
    this.generation += 1;
  }

  /** Takes one reading. @param {Record<string, any>} message */
  tick(message) {
    this.common(message);
    for (const row of message.rows ?? []) if (isNumber(row.index)) this.put(row.index, row);
    const states = String(message.states ?? '');
    const beats = String(message.beats ?? '');
    this.ticks += 1;
    // A new member's details can come later than its cells.
    this.grow(Math.min(states.length, MOST_MEMBERS));
    while (this.members.length < Math.min(states.length, MOST_MEMBERS)) this.add(this.members.length);
    const isSecond = this.ticks % Math.max(1, Math.round(1000 / this.period)) === 0;
    if (isSecond) this.rateHead = (this.rateHead + 1) % RATES;
    const column = this.head;
    this.history.fill(0, column * STATES.length, (column + 1) * STATES.length);
    this.head = (this.head + 1) % CELLS;
    for (let index = 0; index < this.members.length; index += 1) {
      const state = index < states.length ? stateNumber(states[index]) : GONE;
      const share = digit(beats.charCodeAt(index));
      this.cells[index * CELLS + column] = (state << 4) | share;
      this.history[column * STATES.length + state] += 1;
      this.quiet[index] = share > 0 ? 0 : this.quiet[index] + 1;
      this.judge(index, state);
      if (isSecond) {
        const rate = isEnded(this.states[index]) ? NaN : this.members[index].row.records_per_second;
        this.rates[index * RATES + this.rateHead] = isNumber(rate) ? rate : NaN;
      }
    }
    this.sum();
    this.beatsHistory[column] = this.totals.beats;
    this.recordsHistory[column] = this.totals.records;
    this.lagHistory[column] = this.totals.lag;
  }

  /** Takes one event that happened now. Returns it if it is new. @param {Record<string, any>} message */
  event(message) {
    const entry = this.events.push(message);
    if (!entry) return null;
    const index = this.indexes.get(String(entry.event.node));
    const state = { died: DEAD, finished: FINISHED, failed: FAILED }[String(entry.event.event)];
    if (index === undefined || state === undefined) return entry;
    const member = this.members[index];
    // The readings come a moment later: until then the event counts.
    const time = millis(entry.event.time);
    if (!(this.time > time + 5000)) {
      member.held = { state, time, until: this.now() + EVENT_HOLDS_MS };
      this.judge(index, this.cell(index, 0) >> 4);
      this.sum();
    }
    return entry;
  }

  /** ZooKeeper does not answer. @param {Record<string, any>} message */
  away(message) {
    this.zookeeperAway = message.since ?? message.time ?? new Date(this.now()).toISOString();
    this.problem = clean(message.problem ?? '');
  }

  /** @param {Record<string, any>} message */
  common(message) {
    for (const key of ['time', 'master', 'interval_ms', 'unshown', 'unreadable']) {
      if (key in message) this.job[key] = message[key];
    }
    const time = millis(message.time);
    if (!Number.isNaN(time)) this.time = time;
    if (message.connected === false) this.away({ since: message.away_since, problem: message.problem ?? this.problem });
    else this.zookeeperAway = null;
  }

  /** @param {number} index @param {Row} row */
  put(index, row) {
    if (index < 0 || index >= MOST_MEMBERS) return;
    this.grow(index + 1);
    while (this.members.length <= index) this.add(this.members.length);
    const member = this.members[index];
    const node = String(row.node ?? '');
    if (member.node !== node) {
      if (this.indexes.get(member.node) === index) this.indexes.delete(member.node);
      member.node = node;
      member.name = clean(node) || '(no name)';
      this.indexes.set(node, index);
      this.generation += 1;
    }
    member.row = row;
    member.search = '';
    const cells = typeof row.states === 'string' ? row.states.replace(/^-+/, '').length : 0;
    this.sightings.note(node, row.attempt, this.time - cells * this.period);
  }

  /** @param {number} index */
  add(index) {
    this.members.push({ index, node: '', name: '…', row: { index, node: '' }, search: '', ended: GONE, held: null });
    this.cells.fill(0, index * CELLS, (index + 1) * CELLS);
    this.rates.fill(NaN, index * RATES, (index + 1) * RATES);
  }

  /** @param {number} count */
  grow(count) {
    if (count <= this.capacity) return;
    const capacity = Math.max(64, count, Math.min(MOST_MEMBERS, this.capacity * 2));
    const wider = (/** @type {any} */ old, /** @type {any} */ type, /** @type {number} */ width) => {
      const wide = new type(capacity * width);
      wide.set(old.subarray(0, Math.min(old.length, wide.length)));
      return wide;
    };
    this.cells = wider(this.cells, Uint8Array, CELLS);
    this.rates = wider(this.rates, Float32Array, RATES);
    this.states = wider(this.states, Uint8Array, 1);
    this.quiet = wider(this.quiet, Uint32Array, 1);
    this.capacity = capacity;
  }

  /** @param {number} index @param {unknown} states @param {unknown} beats */
  fill(index, states, beats) {
    const codes = String(states ?? '').slice(-CELLS);
    const shares = String(beats ?? '').slice(-CELLS);
    const start = index * CELLS + CELLS - codes.length;
    const shift = shares.length - codes.length;
    for (let at = 0; at < codes.length; at += 1) {
      const share = digit(shares.charCodeAt(at + shift));
      this.cells[start + at] = (stateNumber(codes[at]) << 4) | share;
      this.quiet[index] = share > 0 ? 0 : this.quiet[index] + 1;
    }
  }

  /** The state that counts: of an event, of the last cell, or how the member ended. @param {number} index
   * @param {number} last */
  judge(index, last) {
    const member = this.members[index];
    const { held } = member;
    if (held && (this.time > held.time || this.now() > held.until) && last !== GONE) member.held = null;
    if (member.held) {
      member.ended = member.held.state;
      this.states[index] = member.held.state;
      return;
    }
    if (last !== GONE) {
      member.ended = isEnded(last) ? last : GONE;
      this.states[index] = last;
      return;
    }
    const told = verdictState(member.row.verdict);
    this.states[index] = member.ended !== GONE ? member.ended : isEnded(told) ? told : GONE;
  }

  sum() {
    this.counts.fill(0);
    const totals = { beats: 0, records: 0, beating: 0, lag: 0, slow: -1 };
    for (let index = 0; index < this.members.length; index += 1) {
      const state = this.states[index];
      this.counts[state] += 1;
      if (isEnded(state)) continue;
      const { row } = this.members[index];
      if (isNumber(row.beats_per_second)) totals.beats += row.beats_per_second;
      if (isNumber(row.records_per_second)) totals.records += row.records_per_second;
      totals.beating += 1;
      const lag = this.lag(index);
      if (lag > totals.lag) [totals.lag, totals.slow] = [lag, index];
    }
    this.totals = totals;
  }

  ratesByName() {
    const rates = new Map();
    for (const member of this.members) {
      rates.set(member.node, this.rates.slice(member.index * RATES, (member.index + 1) * RATES));
    }
    return rates;
  }

  /** One cell; `ago` 0 is the newest. @param {number} index @param {number} ago */
  cell(index, ago) {
    return this.cells[index * CELLS + ((this.head - 1 - ago + 2 * CELLS) % CELLS)];
  }

  /** All cells of a member, oldest first. @param {number} index @param {Uint8Array} into CELLS long */
  strip(index, into) {
    const start = index * CELLS;
    into.set(this.cells.subarray(start + this.head, start + CELLS), 0);
    into.set(this.cells.subarray(start, start + this.head), CELLS - this.head);
    return into;
  }

  /** Records a second of the last minute, oldest first; NaN where nothing is known. @param {number} index */
  ratesOf(index) {
    const rates = new Float32Array(RATES);
    for (let at = 0; at < RATES; at += 1) rates[at] = this.rates[index * RATES + ((this.rateHead + 1 + at) % RATES)];
    return rates;
  }

  /** A ring of sums, oldest first. @param {Float32Array} ring */
  unrolled(ring) {
    const line = new Float32Array(CELLS);
    line.set(ring.subarray(this.head), 0);
    line.set(ring.subarray(0, this.head), CELLS - this.head);
    return line;
  }

  /** For how long a member was not heard, in milliseconds; its lag. NaN if that is unknown. @param {number} index */
  lag(index) {
    const { row } = this.members[index];
    const told = isNumber(row.age_ms) ? row.age_ms : NaN;
    if (isEnded(this.states[index])) {
      const since = this.time - millis(row.last);
      return Number.isNaN(since) ? told : Math.max(0, since);
    }
    const quiet = this.quiet[index] * this.period;
    if (quiet === 0) return Number.isNaN(told) ? 0 : Math.min(told, this.period);
    return Number.isNaN(told) ? quiet : Math.max(told, quiet);
  }

  /** The member with this name. @param {string} node @returns {Member|null} */
  byName(node) {
    const index = this.indexes.get(node);
    return index === undefined ? null : this.members[index];
  }

  /** The state of a member, as a word with its condition. @param {Member} member */
  verdict(member) {
    const state = this.states[member.index];
    const told = clean(member.row.verdict ?? '', 80);
    return told !== '' && verdictState(member.row.verdict) === state ? told : STATES[state].label;
  }
}

/** @param {number} code of a character */
function digit(code) {
  return code >= 48 && code <= 57 ? code - 48 : 0;
}
