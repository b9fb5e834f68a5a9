// What is said of one member, and how it compares with the others. No DOM.
import { isEnded } from './states.js';
import { bytes, clean, clock, count, duration, isNumber, millis, percent, short } from './format.js';

/**
 * @typedef {import('./model.js').JobModel} JobModel
 * @typedef {import('./model.js').Member} Member
 */

/** The facts with names, in the order in which they are shown; what is not known is left out.
 * @param {JobModel} model @param {Member} member @returns {[string, string][]} */
export function facts(model, member) {
  const { row } = member;
  const { split } = row;
  const isOver = isEnded(model.states[member.index]);
  const text = (/** @type {unknown} */ value) => clean(value, 300);
  const number = (/** @type {unknown} */ value, /** @type {(value: unknown) => string} */ shown) => (
    isNumber(value) ? shown(value) : '');
  const lag = duration(model.lag(member.index));
  const last = Number.isNaN(millis(row.last)) ? '' : clock(row.last, true);
  /** @type {[string, string][]} */
  const all = [
    ['cause', text(row.cause)],
    ['condition', text(row.condition)],
    ['without progress', number(row.stalled_ms, duration)],
    ['last beat', isOver && last !== '' ? `${last}, ${lag} ago` : last],
    ['lag', isOver ? '' : lag],
    ['beats', number(row.beats_per_second, (value) => `${short(value)}/s`)],
    ['interval', number(row.interval_ms, duration)],
    ['records', number(row.records_per_second, (value) => `${short(value)}/s`)],
    ['records in', number(row.records_in, count)],
    ['records out', number(row.records_out, count)],
    ['bytes in', number(row.bytes_in, bytes)],
    ['bytes out', number(row.bytes_out, bytes)],
    ['processor time', number(row.cpu_ms, duration)],
    ['memory', number(row.memory, bytes)],
    ['host', text(row.host)],
    ['process', isNumber(row.pid) ? String(row.pid) : ''],
    ['job', text(row.job)],
    ['attempt', text(row.attempt)],
    ['phase', text(row.phase)],
    ['split', split ? text(split.file) : ''],
    ['part of it', split && isNumber(split.length) ? `${bytes(split.length)} from ${bytes(split.start)}` : ''],
    ['returns', isNumber(row.returns) && row.returns > 0 ? count(row.returns) : ''],
    ['claim', text(row.claim)],
  ];
  return all.filter(([, value]) => value !== '');
}

const TASK = /^(attempt_.+)_(\d+)$/;

/** The task and the number of an attempt, if a name tells them: `attempt_1764_0001_m_000003_1` is number 1.
 * @param {string} name */
export function splitAttempt(name) {
  const found = TASK.exec(name);
  return found ? { task: found[1], number: Number(found[2]) } : null;
}

/** All known attempts of a member's task, in their order; none if it has no attempt. @param {JobModel} model
 * @param {Member} member @returns {Member[]} */
export function attemptsOf(model, member) {
  const task = splitAttempt(String(member.row.attempt ?? ''))?.task;
  if (task === undefined) return [];
  const start = `${task}_`;
  const found = model.members.filter(({ row }) => typeof row.attempt === 'string' && row.attempt.startsWith(start)
    && /^\d+$/.test(row.attempt.slice(start.length)));
  const order = (/** @type {Member} */ one) => Number(one.row.attempt.slice(start.length));
  return found.sort((a, b) => order(a) - order(b)).slice(0, 50);
}

/** @param {number[]} values sorted or not; NaN if there are none */
function median(values) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** @param {JobModel} model @param {Member} member */
export function compare(model, member) {
  const living = model.members.filter(({ index }) => !isEnded(model.states[index]));
  const rateOf = (/** @type {Member} */ one) => one.row.records_per_second;
  const tasks = living.filter((one) => isNumber(rateOf(one)));
  const rates = tasks.map(rateOf);
  const rate = !isEnded(model.states[member.index]) && isNumber(rateOf(member)) ? rateOf(member) : null;
  const sized = model.members.filter(({ row }) => isNumber(row.split?.length));
  const splits = sized.map(({ row }) => row.split.length);
  const split = isNumber(member.row.split?.length) ? member.row.split.length : null;
  const words = { rateWords: rateWords(member, tasks, rates, rate), splitWords: splitWords(splits, split) };
  return { rates, rate, splits, split, ...words };
}

/** @param {Member} member @param {Member[]} tasks @param {number[]} rates @param {number|null} rate */
function rateWords(member, tasks, rates, rate) {
  if (rates.length === 0) return 'No member tells records a second.';
  const middle = `The median of ${count(rates.length)} members is ${short(median(rates))}/s.`;
  if (rate === null) return `This member works on no records now. ${middle}`;
  const faster = rates.filter((one) => one > rate).length;
  const part = percent(Math.floor((faster / Math.max(1, rates.length - 1)) * 100));
  const { host } = member.row;
  const own = tasks.filter((one) => one.row.host === host).map((one) => one.row.records_per_second);
  const hostWords = typeof host === 'string' && own.length > 1
    ? ` On ${clean(host, 60)} it is ${short(median(own))}/s (${count(own.length)} members).` : '';
  return `This one: ${short(rate)}/s; ${part} of the others are faster. ${middle}${hostWords}`;
}

/** @param {number[]} splits @param {number|null} split */
function splitWords(splits, split) {
  if (split === null) return '';
  const middle = median(splits);
  const share = middle > 0 ? split / middle : 1;
  const than = share > 1.25 ? `, ${share.toFixed(1)} times the median` : share < 0.8 ? ', less than most' : ', as most';
  return `This one: ${bytes(split)}${than}. The median is ${bytes(middle)}.`;
}
