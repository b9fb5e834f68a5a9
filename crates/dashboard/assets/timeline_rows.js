// Draws the rows of the timeline: a label and the bar of one attempt each.
import { STATES, isEnded } from './states.js';
import { drawLetter, markColor } from './marks.js';

/** How each end looks: the letter, the colour, the pattern. */
export const ENDS = new Map([
  ['', { letter: 'W', color: 's-working', pattern: '', words: 'runs' }],
  ['died', { letter: 'D', color: 's-dead', pattern: 'slanted', words: 'died' }],
  ['failed', { letter: 'E', color: 's-failed', pattern: 'dotted', words: 'failed' }],
  ['finished', { letter: 'F', color: 's-finished', pattern: '', words: 'finished' }],
  ['gone', { letter: '–', color: 's-gone', pattern: '', words: 'gone' }],
]);
const BADGE = 13;

/** @typedef {import('./timeline_bars.js').Bar} Bar */
/** @typedef {{ range: { from: number, to: number }, left: number, right: number, now: number, height: number }} Scene
 * `left` and `right` of the bars; `now`: where bars of the living end */

/** Patterns in the colour of the ground, so that states differ without colour. */
class Patterns {
  constructor() {
    this.color = '';
    /** @type {Map<string, CanvasPattern|null>} */
    this.made = new Map();
  }

  /** @param {CanvasRenderingContext2D} context @param {string} name @param {string} color */
  of(context, name, color) {
    if (color !== this.color) this.made.clear();
    this.color = color;
    if (!this.made.has(name)) this.made.set(name, pattern(context, name, color));
    return this.made.get(name) ?? null;
  }
}

/** @param {CanvasRenderingContext2D} context @param {string} name @param {string} color */
function pattern(context, name, color) {
  const tile = document.createElement('canvas');
  [tile.width, tile.height] = [8, 8];
  const small = tile.getContext('2d');
  if (!small) return null;
  [small.strokeStyle, small.fillStyle, small.lineWidth] = [color, color, 1.6];
  if (name === 'dotted') small.fillRect(2, 2, 3, 3);
  if (name === 'upright') small.fillRect(2, 0, 2, 8);
  if (name === 'slanted') {
    for (const x of [-8, 0, 8]) {
      small.moveTo(x - 1, 9);
      small.lineTo(x + 9, -1);
    }
    small.stroke();
  }
  return context.createPattern(tile, 'repeat');
}

/** The colour and letter of a bar: how it ended, or the state of a member that lives.
 * @param {Bar} bar @param {import('./model.js').JobModel} model @param {boolean} isLive */
function lookOf(bar, model, isLive) {
  const look = ENDS.get(bar.end) ?? /** @type {any} */ (ENDS.get('gone'));
  const member = isLive && bar.end === '' ? model.byName(bar.node) : null;
  const state = member ? model.states[member.index] : 0;
  if (!member || isEnded(state)) return { ...look, state: 0 };
  return { ...look, letter: STATES[state].letter, state };
}

export class TimelineRows {
  /** @param {import('./app.js').App} app */
  constructor(app) {
    this.app = app;
    this.patterns = new Patterns();
  }

  /** @param {CanvasRenderingContext2D} context @param {Bar} bar @param {number} y @param {Scene} scene */
  draw(context, bar, y, scene) {
    const { palette } = this.app;
    const middle = y + scene.height / 2;
    this.label(context, bar, y, scene);
    context.save();
    context.beginPath();
    context.rect(scene.left, y, scene.right - scene.left, scene.height);
    context.clip();
    context.fillStyle = palette.trace;
    context.fillRect(scene.left, middle, scene.right - scene.left, 1);
    this.bar(context, bar, middle, scene);
    context.restore();
  }

  /** @param {CanvasRenderingContext2D} context @param {Bar} bar @param {number} y @param {Scene} scene */
  label(context, bar, y, scene) {
    const { palette } = this.app;
    const middle = y + scene.height / 2 + 0.5;
    // Attempts of one task are joined by a line.
    if (bar.count > 1) {
      context.fillStyle = palette.named('accent');
      const top = bar.place === 0 ? middle : y;
      const end = bar.place === bar.count - 1 ? middle : y + scene.height;
      context.fillRect(6, top, 1, end - top);
      context.fillRect(6, middle - 0.5, 5, 1);
    }
    const number = bar.count > 1 ? `#${bar.number}` : '';
    const room = scene.left - 22 - (number === '' ? 0 : 26);
    context.font = `11px ${palette.mono}`;
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    context.fillStyle = palette.text;
    const most = Math.max(4, Math.floor(room / 6.63));
    const head = Math.ceil((most - 1) * 0.5);
    const name = bar.name.length <= most ? bar.name : `${bar.name.slice(0, head)}…${bar.name.slice(head + 1 - most)}`;
    context.fillText(name, 14, middle, room);
    context.textAlign = 'right';
    context.fillStyle = palette.soft;
    context.fillText(number, scene.left - 8, middle);
  }

  /** @param {CanvasRenderingContext2D} context @param {Bar} bar @param {number} middle @param {Scene} scene */
  bar(context, bar, middle, scene) {
    const { palette, model, isLive } = this.app;
    const { range, left, right, now } = scene;
    const scale = (right - left) / (range.to - range.from);
    // Far away places would be imprecise.
    const placeOf = (/** @type {number} */ at) => left + Math.min(3, Math.max(-2,
      (Math.min(at, now) - range.from) / (range.to - range.from))) * (right - left);
    const look = lookOf(bar, model, isLive);
    const color = look.state > 0 ? palette.states[look.state] : palette.named(look.color);
    const tall = Math.min(14, scene.height - 7);
    const top = Math.round(middle - tall / 2);
    for (const part of bar.parts) {
      if (part.from > range.to || part.from > now || Math.min(part.to, now) < range.from) continue;
      const x = placeOf(part.from);
      const width = Math.max(2, placeOf(part.to) - x);
      if (part.kind === 'away') {
        context.fillStyle = palette.named('s-dead');
        const end = Math.min(right, x + width);
        for (let at = Math.max(left, x); at < end; at += 6) context.fillRect(at, middle - 1, 3, 2);
        continue;
      }
      const isStalled = part.kind === 'stalled';
      context.fillStyle = isStalled ? palette.named('s-stalled') : color;
      context.fillRect(x, top, width, tall);
      const name = isStalled ? 'upright' : look.pattern;
      const over = name === '' ? null : this.patterns.of(context, name, palette.panel);
      if (!over) continue;
      context.globalAlpha = isStalled ? 0.35 : 0.3;
      context.fillStyle = over;
      context.fillRect(x, top, width, tall);
      context.globalAlpha = 1;
    }
    if (bar.isOpen) this.torn(context, placeOf(bar.from), top, tall);
    this.letters(context, bar, middle, placeOf, scale, look, color);
  }

  /** The edge of a bar whose begin is not known. @param {CanvasRenderingContext2D} context @param {number} x
   * @param {number} top @param {number} tall */
  torn(context, x, top, tall) {
    context.fillStyle = this.app.palette.panel;
    context.beginPath();
    context.moveTo(x - 1, top);
    for (const [across, down] of [[5, 0.25], [-1, 0.5], [5, 0.75], [-1, 1]]) {
      context.lineTo(x + across, top + down * tall);
    }
    context.fill();
  }

  /** @param {CanvasRenderingContext2D} context @param {Bar} bar @param {number} middle
   * @param {(at: number) => number} placeOf @param {number} scale pixels in a millisecond
   * @param {{ letter: string }} look @param {string} color */
  letters(context, bar, middle, placeOf, scale, look, color) {
    const { palette } = this.app;
    const draw = (/** @type {string} */ letter, /** @type {string} */ ground, /** @type {number} */ x) => (
      drawLetter(context, letter, ground, Math.round(x), Math.round(middle), palette, BADGE));
    let last = -Infinity;
    for (const { at, kind } of bar.marks) {
      if (kind === bar.end && at === bar.to) continue;
      const letter = { stalled: 'X', returned: 'R', died: 'D', claimed: 'M', kill: '✕', failed: 'E' }[kind];
      const x = placeOf(at);
      // Where there is no room for both, the return says more than the death before it.
      if (letter === undefined || (x - last < BADGE + 1 && kind !== 'returned')) continue;
      last = x;
      draw(letter, kind === 'kill' ? palette.text : markColor(kind, palette), x + (kind === 'died' ? 0 : BADGE / 2));
    }
    if (bar.end !== '') draw(look.letter, color, placeOf(bar.to) + BADGE / 2 + 1);
    else if ((Math.min(placeOf(Infinity), 1e6) - placeOf(bar.from)) > 20 && scale > 0) {
      // What runs has its letter inside: the end is open.
      draw(look.letter, color, placeOf(Infinity) - BADGE / 2 - 1);
    }
  }
}
