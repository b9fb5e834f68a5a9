// The range of time that a timeline shows: zoom, moves, and the marks of its axis. Pure.
import { dateOf, timeOfDay } from './format.js';

/** The shortest range. */
const SHORTEST_MS = 1000;
const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];
const STEPS = [
  50, 100, 200, 500, SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE,
  5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY,
  7 * DAY,
];

/** @typedef {{ from: number, to: number }} Range in milliseconds since 1970 */

/** A range within the whole, of a sensible length. @param {Range} range @param {Range} whole @returns {Range} */
export function within(range, whole) {
  const most = Math.max(SHORTEST_MS, whole.to - whole.from);
  const length = Math.min(most, Math.max(SHORTEST_MS, range.to - range.from));
  const middle = (range.from + range.to) / 2;
  const from = Math.min(whole.from + most - length, Math.max(whole.from, middle - length / 2));
  return { from, to: from + length };
}

/** @param {Range} range @param {number} factor below 1 shows less @param {number} at stays where it is */
export function zoomed(range, factor, at) {
  return { from: at - (at - range.from) * factor, to: at + (range.to - at) * factor };
}

/** @param {Range} range @param {number} share of its length */
export function moved(range, share) {
  const by = (range.to - range.from) * share;
  return { from: range.from + by, to: range.to + by };
}

/** The times of the axis with their labels. @param {Range} range @param {number} width in pixels */
export function ticks(range, width) {
  const wanted = ((range.to - range.from) / Math.max(1, width)) * 92;
  const step = STEPS.find((one) => one >= wanted) ?? Math.ceil(wanted / DAY) * DAY;
  // Steps are whole in local time.
  const zone = new Date(range.from).getTimezoneOffset() * MINUTE;
  const found = [];
  for (let at = Math.ceil((range.from - zone) / step) * step + zone; at <= range.to && found.length < 200; at += step) {
    found.push({ at, label: label(at, step) });
  }
  return found;
}

/** @param {number} at @param {number} step */
function label(at, step) {
  if (step >= DAY) return dateOf(at).slice(5);
  const text = timeOfDay(at, step < SECOND);
  return step < MINUTE ? text : text.slice(0, 5);
}
