// Which events of a recording are marked and jumped to, and what they are called. No DOM.
import { clean, duration, plural, timeOfDay, dateOf } from './format.js';

/** The kinds of note, the most important first: a letter, the state whose colour they have, and their name. */
export const MARKS = new Map([
  ['died', { letter: 'D', color: 's-dead', one: 'death' }],
  ['failed', { letter: 'E', color: 's-failed', one: 'failure' }],
  ['stalled', { letter: 'X', color: 's-stalled', one: 'stall' }],
  ['claimed', { letter: 'M', color: 'accent', one: 'change of the master', many: 'changes of the master' }],
  ['returned', { letter: 'R', color: 's-returned', one: 'return' }],
  ['released', { letter: 'm', color: 'accent', one: 'release of the claim', many: 'releases of the claim' }],
  ['recovered', { letter: 'W', color: 's-working', one: 'recovery', many: 'recoveries' }],
  ['disconnected', { letter: '!', color: 's-late', one: 'loss of ZooKeeper', many: 'losses of ZooKeeper' }],
  ['lost', { letter: '?', color: 's-late', one: 'gap in the events', many: 'gaps in the events' }],
]);

/** @typedef {import('./recording_source.js').RecordedEvent} RecordedEvent */

/** The events of note within a recording. A member that joins or finishes is none.
 * @param {import('./recording_source.js').About} about */
export function marksOf({ events, from }) {
  return events.filter(({ at, event }) => at >= from && MARKS.has(event.event));
}

/** The times of the events of note, each once, in their order. @param {import('./recording_source.js').About} about */
export function stopsOf(about) {
  return [...new Set(marksOf(about).map(({ at }) => at))].sort((a, b) => a - b);
}

/** What a recording holds, in words. @param {import('./recording_source.js').About} about */
export function aboutWords(about) {
  const counts = new Map();
  for (const { event } of marksOf(about)) counts.set(event.event, (counts.get(event.event) ?? 0) + 1);
  const parts = [...MARKS].filter(([kind]) => counts.has(kind)).map(([kind, { one, many }]) => (
    plural(counts.get(kind), one, many)));
  const more = about.unlisted > 0 ? ` ${plural(about.unlisted, 'further event')} are not listed.` : '';
  const what = parts.length === 0 ? 'no event of note' : parts.join(', ');
  return `Recording of ${duration(about.to - about.from)} from ${dateOf(about.from)} ${timeOfDay(about.from)}: `
    + `${what}.${more}`;
}

/** @param {RecordedEvent} entry */
export function markWords({ at, event }) {
  return `${timeOfDay(at, true)} ${clean(event.event, 40)} ${clean(event.node, 80)}`.trimEnd();
}

/** The events of note between two times that are nearest to a time. @param {RecordedEvent[]} marks in their order
 * @param {number} from @param {number} to @param {number} most */
export function marksBetween(marks, from, to, most) {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (marks[middle].at < from) low = middle + 1;
    else high = middle;
  }
  const found = [];
  let number = 0;
  for (let at = low; at < marks.length && marks[at].at <= to; at += 1) {
    number += 1;
    if (found.length < most) found.push(marks[at]);
  }
  return { found, number };
}
