// Sums over all members of a job in each of the last readings. No DOM.
import { GONE, STATES, isEnded } from './states.js';
import { isNumber } from './format.js';

/** @typedef {import('./model.js').JobModel} JobModel */

/** Counts the members by state in each reading, from their cells. @param {JobModel} model */
export function sumHistory(model) {
  const width = model.history.length / STATES.length;
  model.history.fill(0);
  for (let index = 0; index < model.members.length; index += 1) {
    for (let column = 0; column < width; column += 1) {
      const state = model.cells[index * width + column] >> 4;
      model.history[column * STATES.length + state] += 1;
    }
  }
}

/** Beats a second before the first reading that this page saw, from the cells. @param {JobModel} model */
export function guessBeats(model) {
  const interval = model.job.interval_ms;
  if (!isNumber(interval) || interval <= 0) return;
  const width = model.beatsHistory.length;
  for (let column = 0; column < width; column += 1) {
    if (!Number.isNaN(model.beatsHistory[column])) continue;
    let shares = 0;
    let isSeen = false;
    for (let at = column; at < model.members.length * width; at += width) {
      shares += model.cells[at] & 15;
      isSeen ||= model.cells[at] >> 4 !== GONE;
    }
    if (isSeen) model.beatsHistory[column] = (shares / 9) * (1000 / interval);
  }
}

/** How many members beat, in each of the last readings; a ring. @param {JobModel} model */
export function beatingMembers(model) {
  const width = model.history.length / STATES.length;
  const ring = new Float32Array(width).fill(NaN);
  for (let column = 0; column < width; column += 1) {
    let [sum, all] = [0, 0];
    for (let state = 0; state < STATES.length; state += 1) {
      const number = model.history[column * STATES.length + state];
      all += number;
      if (!isEnded(state)) sum += number;
    }
    if (all > 0) ring[column] = sum;
  }
  return ring;
}
