// Draws on canvases: strips, bands, lines, stacks and histograms. Colours come from style.css.
import { STATES, GONE } from './states.js';
import { CELLS } from './model.js';

/** The custom properties with the states' colours, in the order of STATES. */
const PROPERTIES = [
  'gone', 'working', 'starved', 'pressed', 'spinning', 'blocked', 'stalled', 'dead', 'finished', 'failed', 'late',
  'alive', 'returned', 'unreadable',
];

/** The colours of the theme that is shown. */
export class Palette {
  constructor() {
    /** @type {string[]} */
    this.states = [];
    this.text = this.soft = this.line = this.trace = this.accent = this.hover = this.chosen = this.raised = '';
    this.badge = this.mark = this.panel = this.sans = this.mono = '';
    this.read();
  }

  read() {
    const style = getComputedStyle(document.documentElement);
    const value = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    const names = [...PROPERTIES.map((name) => `s-${name}`), 'accent', 'soft'];
    this.values = new Map(names.map((name) => [name, value(name)]));
    this.states = PROPERTIES.map((name) => value(`s-${name}`));
    for (const name of /** @type {const} */ (['text', 'soft', 'line', 'trace', 'accent', 'hover', 'chosen', 'raised',
      'mark', 'panel', 'sans', 'mono'])) {
      this[name] = value(name);
    }
    this.badge = value('badge-text');
  }

  /** A colour by the name of its custom property. @param {string} name */
  named(name) {
    return this.values?.get(name) ?? this.soft;
  }
}

/** @typedef {{ x: number, y: number, width: number, height: number }} Box */

/** One strip: the height of a bar is the share of beats that came, its colour the state. A foot shows the state where
 * no beat came. A letter names each new state that lasts.
 * @param {CanvasRenderingContext2D} context @param {Uint8Array} cells oldest first @param {Box} box
 * @param {Palette} palette */
export function drawStrip(context, cells, box, palette) {
  const { x, y, width, height } = box;
  const step = width / CELLS;
  const gap = step >= 2.5 ? 1 : 0;
  const foot = Math.max(2, Math.round(height * 0.1));
  const bottom = y + height;
  context.fillStyle = palette.trace;
  context.fillRect(x, bottom - 1, width, 1);
  let at = 0;
  let color = '';
  while (at < CELLS) {
    const cell = cells[at];
    let end = at + 1;
    // Without gaps between bars, equal ones are one.
    if (gap === 0) while (end < CELLS && cells[end] === cell) end += 1;
    const state = cell >> 4;
    if (state !== GONE) {
      const left = Math.round(x + at * step);
      const wide = Math.max(1, Math.round(x + end * step) - left - gap);
      const tall = Math.max(foot, Math.round((height * (cell & 15)) / 9));
      if (color !== palette.states[state]) {
        color = palette.states[state];
        context.fillStyle = color;
      }
      context.fillRect(left, bottom - tall, wide, tall);
    }
    at = end;
  }
  if (height >= 14) drawLetters(context, cells, box, palette, step);
}

/** @param {CanvasRenderingContext2D} context @param {Uint8Array} cells @param {Box} box @param {Palette} palette
 * @param {number} step */
function drawLetters(context, cells, box, palette, step) {
  context.font = `700 10px ${palette.sans}`;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  let at = 0;
  let before = -1;
  while (at < CELLS) {
    const state = cells[at] >> 4;
    let end = at + 1;
    while (end < CELLS && cells[end] >> 4 === state) end += 1;
    const isNew = state !== GONE && (before !== -1 || STATES[state].rank <= 7);
    if (isNew && (end - at) * step >= 13) {
      const isLow = average(cells, at, end) < 5;
      context.fillStyle = isLow ? palette.states[state] : palette.badge;
      // Bars stand on the ground, so that a letter low in them lies on their colour.
      context.fillText(STATES[state].letter, box.x + at * step + 3, box.y + box.height - (isLow ? 9 : 6.5));
    }
    before = state;
    at = end;
  }
}

/** @param {Uint8Array} cells @param {number} from @param {number} to */
function average(cells, from, to) {
  const end = Math.min(to, from + 10);
  let sum = 0;
  for (let at = from; at < end; at += 1) sum += cells[at] & 15;
  return sum / (end - from);
}

/** The state over time as a band with words. @param {CanvasRenderingContext2D} context @param {Uint8Array} cells
 * @param {Box} box @param {Palette} palette */
export function drawBand(context, cells, box, palette) {
  const step = box.width / CELLS;
  context.font = `600 11px ${palette.sans}`;
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  context.fillStyle = palette.trace;
  context.fillRect(box.x, box.y, box.width, box.height);
  for (let at = 0; at < CELLS;) {
    const state = cells[at] >> 4;
    let end = at + 1;
    while (end < CELLS && cells[end] >> 4 === state) end += 1;
    const left = box.x + at * step;
    const width = (end - at) * step;
    if (state !== GONE) {
      context.fillStyle = palette.states[state];
      context.fillRect(left, box.y, Math.max(1, width - 1), box.height);
    }
    const color = state === GONE ? palette.soft : palette.badge;
    const words = [STATES[state].label, STATES[state].letter];
    const word = words.find((one) => context.measureText(one).width + 10 <= width);
    if (word) {
      context.fillStyle = color;
      context.fillText(word, left + 5, box.y + box.height / 2 + 0.5);
    }
    at = end;
  }
}

/** A line of values with the ground below it filled; NaN interrupts it. Returns the scale's end.
 * @param {CanvasRenderingContext2D} context @param {ArrayLike<number>} values @param {Box} box
 * @param {Palette} palette */
export function drawLine(context, values, box, palette) {
  let top = 0;
  for (let at = 0; at < values.length; at += 1) if (values[at] > top) top = values[at];
  top = niceEnd(top);
  const step = box.width / Math.max(1, values.length - 1);
  const bottom = box.y + box.height;
  context.fillStyle = palette.line;
  context.fillRect(box.x, bottom - 1, box.width, 1);
  context.lineWidth = 1.6;
  context.lineJoin = 'round';
  context.strokeStyle = palette.accent;
  for (let at = 0; at < values.length;) {
    while (at < values.length && Number.isNaN(values[at])) at += 1;
    const start = at;
    const line = new Path2D();
    for (; at < values.length && !Number.isNaN(values[at]); at += 1) {
      line.lineTo(box.x + at * step, bottom - 1 - (values[at] / top) * (box.height - 3));
    }
    if (at === start) break;
    const ground = new Path2D(line);
    ground.lineTo(box.x + (at - 1) * step, bottom);
    ground.lineTo(box.x + start * step, bottom);
    context.globalAlpha = 0.16;
    context.fillStyle = palette.accent;
    context.fill(ground);
    context.globalAlpha = 1;
    context.stroke(line);
  }
  return top;
}

/** The members by state over time. @param {CanvasRenderingContext2D} context @param {Uint16Array} history a ring
 * @param {number} head where it begins @param {number[]} order the states, the lowest first @param {Box} box
 * @param {Palette} palette */
export function drawStack(context, history, head, order, box, palette) {
  let most = 1;
  const sums = new Float32Array(CELLS);
  for (let at = 0; at < CELLS; at += 1) {
    const start = ((head + at) % CELLS) * STATES.length;
    for (const state of order) sums[at] += history[start + state];
    if (sums[at] > most) most = sums[at];
  }
  const step = box.width / CELLS;
  const low = new Float32Array(CELLS);
  for (const state of order) {
    context.fillStyle = palette.states[state];
    for (let at = 0; at < CELLS; at += 1) {
      const value = history[((head + at) % CELLS) * STATES.length + state];
      if (value === 0) continue;
      // A single one of thousands stays visible.
      const tall = Math.max(1.5, (value / most) * box.height);
      const left = Math.round(box.x + at * step);
      const right = Math.round(box.x + (at + 1) * step);
      context.fillRect(left, box.y + box.height - low[at] - tall, right - left, tall);
      low[at] = Math.min(box.height - 1.5, low[at] + tall);
    }
  }
}

/** How many members have which value, with one member marked.
 * @param {CanvasRenderingContext2D} context @param {number[]} values @param {number|null} marked @param {Box} box
 * @param {Palette} palette @param {(value: number) => string} label */
export function drawHistogram(context, values, marked, box, palette, label) {
  const bins = Math.max(8, Math.min(32, Math.floor(box.width / 16)));
  const end = niceEnd(values.reduce((most, value) => Math.max(most, value), 0));
  const numbers = new Uint32Array(bins);
  const binOf = (/** @type {number} */ value) => Math.min(bins - 1, Math.max(0, Math.floor((value / end) * bins)));
  for (const value of values) numbers[binOf(value)] += 1;
  const most = Math.max(1, ...numbers);
  const bottom = box.y + box.height - 16;
  const height = bottom - box.y - 12;
  const step = box.width / bins;
  const own = marked === null ? -1 : binOf(marked);
  for (let bin = 0; bin < bins; bin += 1) {
    const tall = numbers[bin] === 0 ? 0 : Math.max(2, (numbers[bin] / most) * height);
    context.fillStyle = bin === own ? palette.mark : palette.accent;
    context.globalAlpha = bin === own ? 1 : 0.55;
    context.fillRect(Math.round(box.x + bin * step), bottom - tall, Math.max(1, Math.round(step) - 2), tall);
  }
  context.globalAlpha = 1;
  context.fillStyle = palette.line;
  context.fillRect(box.x, bottom, box.width, 1);
  if (own >= 0) {
    const middle = box.x + own * step + step / 2 - 1;
    const tip = bottom - Math.max(2, (numbers[own] / most) * height) - 2;
    context.fillStyle = palette.mark;
    context.beginPath();
    context.moveTo(middle, tip);
    context.lineTo(middle - 5, tip - 8);
    context.lineTo(middle + 5, tip - 8);
    context.fill();
  }
  context.font = `11px ${palette.sans}`;
  context.textBaseline = 'alphabetic';
  context.fillStyle = palette.soft;
  context.textAlign = 'left';
  context.fillText(label(0), box.x, box.y + box.height - 2);
  context.textAlign = 'center';
  context.fillText(label(end / 2), box.x + box.width / 2, box.y + box.height - 2);
  context.textAlign = 'right';
  context.fillText(label(end), box.x + box.width, box.y + box.height - 2);
}

/** A round number that is not below `value`. @param {number} value */
export function niceEnd(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const digit = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((one) => one * power >= value * 0.999) ?? 10;
  return digit * power;
}
