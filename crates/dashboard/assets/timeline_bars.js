// The lives of all attempts as bars, and the claims of the masters, from events and from what the page saw. No DOM.
import { isEnded, DEAD, FAILED, FINISHED } from './states.js';
import { clean, millis } from './format.js';
import { splitAttempt } from './member_facts.js';
import { MARKS } from './recorded_events.js';

/** Maximum number of stalls, deaths and returns that are drawn in one bar. */
const MOST_PARTS = 200;
/** Maximum number of claims that are kept; the last ones. */
const MOST_CLAIMS = 2000;
/** The kinds of events that say something of a member's life. */
const TURNS = new Set([
  'joined', 'returned', 'stalled', 'recovered', 'claimed', 'released', 'died', 'finished', 'failed',
]);
const ENDS = new Map([['died', 'died'], ['finished', 'finished'], ['failed', 'failed']]);
const END_OF_STATE = new Map([[DEAD, 'died'], [FINISHED, 'finished'], [FAILED, 'failed']]);

/**
 * @typedef {{ kind: 'runs'|'stalled'|'away', from: number, to: number }} Part `away`: declared dead, before it returned
 * @typedef {{ at: number, kind: string }} Mark
 * @typedef {{ node: string, name: string, task: string, attempt: string, number: number, from: number, isOpen: boolean,
 *   to: number, end: string, cause: string, parts: Part[], marks: Mark[], place: number, count: number,
 *   search: string }} Bar `isOpen`: it was there before; `to` is Infinity while it runs; `place` in `count` attempts of
 *   its task
 * @typedef {{ node: string, name: string, from: number, to: number, epoch: string, isOpen: boolean }} Claim
 * @typedef {{ bars: Bar[], claims: Claim[], marks: { at: number, event: Record<string, any> }[], from: number,
 *   tasks: number }} Lives
 */

/**
 * @param {import('./recording_source.js').RecordedEvent[]} events in their order
 * @param {import('./model.js').JobModel} model
 * @param {{ from: number, isLive: boolean, kills: { at: number, node: string }[] }} about `from`: begin of a recording
 * @returns {Lives}
 */
export function livesOf(events, model, about) {
  /** @type {Map<string, Bar>} */
  const bars = new Map();
  const startOf = (/** @type {string} */ node, /** @type {number} */ at) => {
    const seen = model.sightings.of.get(node)?.from ?? NaN;
    return about.isLive ? Math.min(at, Number.isNaN(seen) ? at : seen) : Math.min(at, about.from);
  };
  for (const { at, event } of events) {
    if (typeof event.node !== 'string' || Number.isNaN(at)) continue;
    const kind = String(event.event);
    if (!TURNS.has(kind)) continue;
    let bar = bars.get(event.node);
    if (!bar) {
      bar = newBar(event.node, kind === 'joined' ? at : startOf(event.node, at), kind !== 'joined');
      bars.set(event.node, bar);
    }
    take(bar, at, kind, event);
  }
  for (const [node, sighting] of model.sightings.of) {
    if (!bars.has(node)) bars.set(node, newBar(node, about.isLive ? sighting.from : about.from, true));
  }
  for (const kill of about.kills) bars.get(String(kill.node))?.marks.push({ at: kill.at, kind: 'kill' });
  for (const bar of bars.values()) finish(bar, model, about.isLive);
  const sorted = grouped([...bars.values()]);
  const from = sorted.reduce((first, bar) => Math.min(first, bar.from), Infinity);
  const marks = events.filter(({ event }) => MARKS.has(event.event));
  return { bars: sorted, claims: claimsOf(events, model, from), marks, from,
    tasks: sorted.filter((bar) => bar.place === 0).length };
}

/** @param {string} node @param {number} from @param {boolean} isOpen @returns {Bar} */
function newBar(node, from, isOpen) {
  return { node, name: clean(node) || '(no name)', task: '', attempt: '', number: 0, from, isOpen, to: Infinity,
    end: '', cause: '', parts: [{ kind: 'runs', from, to: Infinity }], marks: [], place: 0, count: 1, search: '' };
}

/** Goes on with another part. @param {Bar} bar @param {number} at @param {Part['kind']} kind */
function turn(bar, at, kind) {
  const last = bar.parts[bar.parts.length - 1];
  if (last.kind === kind || bar.parts.length >= MOST_PARTS) return;
  last.to = at;
  bar.parts.push({ kind, from: at, to: Infinity });
}

/** @param {Bar} bar @param {number} at @param {string} kind @param {Record<string, any>} event */
function take(bar, at, kind, event) {
  if (kind !== 'joined' && bar.marks.length < MOST_PARTS) bar.marks.push({ at, kind });
  const hasFailed = kind === 'released' && event.ending === 'failed';
  const end = ENDS.get(hasFailed ? 'failed' : kind);
  if (end !== undefined) {
    turn(bar, at, 'away');
    [bar.end, bar.to, bar.cause] = [end, at, typeof event.cause === 'string' ? clean(event.cause, 40) : ''];
  } else if (kind === 'stalled') {
    turn(bar, at, 'stalled');
  } else if (kind !== 'released') {
    // It lives: whatever was said before is over.
    if (kind !== 'claimed' || bar.end !== '') turn(bar, at, 'runs');
    [bar.end, bar.to, bar.cause] = ['', Infinity, ''];
  }
}

/** @param {Bar} bar @param {import('./model.js').JobModel} model @param {boolean} isLive */
function finish(bar, model, isLive) {
  const member = model.byName(bar.node);
  const state = member ? model.states[member.index] : -1;
  if (isLive && bar.end === '' && (!member || isEnded(state))) {
    // Its end was told before the page came, or not at all.
    const last = millis(member?.row.last);
    bar.end = END_OF_STATE.get(state) ?? 'gone';
    bar.to = Math.max(bar.from, Number.isNaN(last) ? model.time : last);
  }
  const last = bar.parts[bar.parts.length - 1];
  // What comes after the end is no part of the life.
  if (last.kind === 'away' && bar.end !== '') bar.parts.pop();
  else last.to = Math.min(last.to, bar.to);
  const told = model.sightings.of.get(bar.node)?.attempt || bar.node;
  const split = splitAttempt(told);
  bar.attempt = split ? clean(told, 90) : '';
  bar.task = split ? split.task : bar.node;
  bar.number = split ? split.number : 0;
}

/** Tasks by the begin of their first attempt, the attempts of a task beside each other. @param {Bar[]} bars */
function grouped(bars) {
  /** @type {Map<string, Bar[]>} */
  const tasks = new Map();
  for (const bar of bars) {
    const task = tasks.get(bar.task);
    if (task) task.push(bar);
    else tasks.set(bar.task, [bar]);
  }
  const sorted = [];
  for (const attempts of tasks.values()) {
    attempts.sort((a, b) => a.number - b.number || a.from - b.from || (a.name < b.name ? -1 : 1));
    sorted.push({ from: Math.min(...attempts.map((bar) => bar.from)), attempts });
  }
  sorted.sort((a, b) => a.from - b.from || (a.attempts[0].task < b.attempts[0].task ? -1 : 1));
  return sorted.flatMap(({ attempts }) => attempts.map((bar, place) => {
    [bar.place, bar.count] = [place, attempts.length];
    const marks = new Set(bar.marks.map(({ kind }) => kind));
    bar.search = [bar.name, bar.attempt, bar.end || 'running', ...marks].join('\n').toLowerCase();
    return bar;
  }));
}

/** Who was master from when to when. @param {import('./recording_source.js').RecordedEvent[]} events
 * @param {import('./model.js').JobModel} model @param {number} begin @returns {Claim[]} */
function claimsOf(events, model, begin) {
  /** @type {Claim[]} */
  const claims = [];
  const claim = (/** @type {unknown} */ node, /** @type {number} */ from, /** @type {unknown} */ epoch,
    /** @type {boolean} */ isOpen) => claims.push({ node: String(node), name: clean(node, 120), from, to: Infinity,
    epoch: clean(epoch ?? '', 30), isOpen });
  for (const { at, event } of events) {
    const last = claims[claims.length - 1];
    const kind = String(event.event);
    if (kind === 'claimed') {
      if (!last && typeof event.previous?.node === 'string') claim(event.previous.node, Math.min(begin, at), '', true);
      const before = claims[claims.length - 1];
      if (before) before.to = Math.min(before.to, at);
      claim(event.node, at, event.epoch, false);
    } else if (last && last.node === event.node && (ENDS.has(kind) || kind === 'released')) {
      last.to = Math.min(last.to, at);
    }
  }
  // The first master ended before the next one claimed.
  const [first] = claims;
  if (first?.isOpen) {
    const end = events.find(({ event }) => event.node === first.node && ENDS.has(String(event.event)));
    if (end) first.to = Math.min(first.to, end.at);
  }
  const { master } = model.job;
  const since = millis(master?.since);
  if (claims.length === 0 && master) claim(master.node, Number.isNaN(since) ? begin : since, master.epoch, false);
  return claims.slice(-MOST_CLAIMS);
}
