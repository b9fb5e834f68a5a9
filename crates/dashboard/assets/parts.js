// Parts that several views use: a badge with its word, a link to a member, small strips, sentences for strips.
import { STATES, GONE } from './states.js';
import { CELLS } from './model.js';
import { duration, plural } from './format.js';
import { el, fitted, setAttribute, setText } from './dom.js';
import { drawStrip } from './draw.js';
import { memberHash } from './route.js';

/** @typedef {import('./app.js').App} App */

/** A badge with the letter of a state. @param {number} state */
export function badge(state) {
  const { code, letter } = STATES[state];
  return el('span', { class: 'badge', 'data-state': code, 'aria-hidden': 'true' }, letter);
}

/** A state as badge and word, which can change. */
export class StateMark {
  constructor() {
    this.letter = el('span', { class: 'badge', 'aria-hidden': 'true' });
    this.word = el('span', { class: 'word' });
    this.element = el('span', { class: 'state' }, this.letter, this.word);
  }

  /** @param {number} state @param {string} word */
  set(state, word) {
    setAttribute(this.letter, 'data-state', STATES[state].code);
    setAttribute(this.element, 'data-state', STATES[state].label);
    setText(this.letter, STATES[state].letter);
    setText(this.word, word);
    setAttribute(this.element, 'title', `${STATES[state].label}: ${STATES[state].meaning}`);
  }
}

const cells = new Uint8Array(CELLS);

/** A strip in a small canvas. @param {App} app @param {HTMLCanvasElement} canvas @param {number} index
 * @param {{ width: number, height: number }} size */
export function drawSmallStrip(app, canvas, index, size) {
  const context = fitted(canvas, size.width, size.height);
  if (!context) return;
  const box = { x: 0, y: 1, width: size.width, height: size.height - 2 };
  drawStrip(context, app.model.strip(index, cells), box, app.palette);
}

/** A link to a member's view. @param {App} app */
export function memberLink(app) {
  const link = el('a', { class: 'name' });
  return {
    element: link,
    /** @param {import('./model.js').Member} member */
    set(member) {
      setText(link, member.name);
      setAttribute(link, 'href', memberHash(app.route.job, member.node));
      setAttribute(link, 'title', member.name);
    },
  };
}

/** What a strip shows, in words. @param {App} app @param {number} index */
export function stripWords(app, index) {
  const line = app.model.strip(index, cells);
  let [gaps, gap, longest, seen] = [0, 0, 0, 0];
  for (const cell of line) {
    const state = cell >> 4;
    if (state !== GONE) seen += 1;
    const isGap = state !== GONE && STATES[state].rank < 11 && (cell & 15) === 0;
    gap = isGap ? gap + 1 : 0;
    if (gap === 1) gaps += 1;
    if (gap > longest) longest = gap;
  }
  if (seen === 0) return 'not there in the last minute';
  const time = seen < CELLS - 4 ? `seen for ${duration(seen * app.model.period)}, ` : '';
  if (gaps === 0) return `${time}no gap`;
  return `${time}${plural(gaps, 'gap')}, the longest ${duration(longest * app.model.period)}`;
}
