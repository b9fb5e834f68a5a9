// What the bars of the timeline say, in words. No DOM.
import { CAUSES } from './states.js';
import { duration, plural, timeOfDay } from './format.js';
import { ENDS } from './timeline_rows.js';

/** @typedef {import('./timeline_bars.js').Bar} Bar */

const HAPPENED = new Map([
  ['stalled', ['stall', 'stalls']], ['died', ['death', 'deaths']], ['returned', ['return', 'returns']],
  ['claimed', ['time master', 'times master']], ['kill', ['kill', 'kills']],
]);

/** The cells of a row: began, ended, how, how long, what happened. @param {Bar} bar @param {number} now of the job, or
 * the end of the recording */
export function barCells(bar, now) {
  const began = bar.isOpen ? `before ${timeOfDay(bar.from)}` : timeOfDay(bar.from);
  const isOver = bar.end !== '';
  const counts = new Map();
  for (const { kind } of bar.marks) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  // The end is told already.
  if (counts.has(bar.end)) counts.set(bar.end, counts.get(bar.end) - 1);
  const happened = [...HAPPENED].filter(([kind]) => counts.get(kind) > 0)
    .map(([kind, [one, many]]) => plural(counts.get(kind), one, many));
  const how = ENDS.get(bar.end)?.words ?? bar.end;
  const cause = bar.cause === '' ? '' : ` (${bar.cause})`;
  return { began, ended: isOver ? timeOfDay(bar.to) : '–', how: `${how}${cause}`,
    length: `${bar.isOpen ? 'at least ' : ''}${duration((isOver ? bar.to : now) - bar.from)}`,
    happened: happened.join(', ') };
}

/** One sentence about a bar, without its name. @param {Bar} bar @param {number} now */
export function barWords(bar, now) {
  const { began, ended, how, length, happened } = barCells(bar, now);
  const attempt = bar.attempt === '' ? '' : `${bar.attempt}; `;
  const cause = CAUSES.get(bar.cause);
  const why = cause ? `, ${cause}` : '';
  const end = bar.end === '' ? `runs since ${began}` : `joined ${began}, ${how} ${ended}${why}`;
  const others = bar.count > 1 ? `; ${plural(bar.count, 'attempt')} of this task` : '';
  return `${attempt}${end}; ${length}${happened === '' ? '' : `; ${happened}`}${others}`;
}

/** @param {import('./timeline_bars.js').Claim} claim @param {number} now */
export function claimWords(claim, now) {
  const from = claim.isOpen ? `before ${timeOfDay(claim.from)}` : timeOfDay(claim.from);
  const to = claim.to <= now ? timeOfDay(claim.to) : 'the end';
  const epoch = claim.epoch === '' ? '' : `, epoch ${claim.epoch}`;
  return `${claim.name} is master from ${from} to ${to}${epoch}`;
}
