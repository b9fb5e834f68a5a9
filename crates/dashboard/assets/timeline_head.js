// Draws the head of the timeline: the axis of time, who was master, and the events of note.
import { drawMarks } from './marks.js';
import { ticks } from './timeline_scale.js';

/** The lanes of the head, from top to bottom, in CSS pixels. */
export const AXIS = 24;
export const MASTERS = 22;
export const EVENTS = 24;
export const HEAD = AXIS + MASTERS + EVENTS;
/** The width of a letter of the fixed-width font, in the size that is used here. */
const LETTER = 6.63;

/**
 * @typedef {import('./timeline_bars.js').Lives} Lives
 * @typedef {import('./timeline_rows.js').Scene} Scene
 */

/** @param {CanvasRenderingContext2D} context @param {Lives} lives @param {Scene} scene
 * @param {import('./draw.js').Palette} palette @param {number|null} cursor the shown moment of a recording */
export function drawHead(context, lives, scene, palette, cursor) {
  const { range, left, right } = scene;
  const placeOf = (/** @type {number} */ at) => left + ((at - range.from) / (range.to - range.from)) * (right - left);
  context.font = `11px ${palette.sans}`;
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  context.fillStyle = palette.soft;
  for (const [text, y] of /** @type {[string, number][]} */ ([['master', AXIS + MASTERS / 2],
    ['events', AXIS + MASTERS + EVENTS / 2]])) context.fillText(text, 14, y);
  context.fillStyle = palette.line;
  for (const y of [AXIS, AXIS + MASTERS, HEAD - 1]) context.fillRect(0, y, right, 1);
  context.save();
  context.beginPath();
  context.rect(left, 0, right - left, HEAD);
  context.clip();
  context.textAlign = 'center';
  for (const { at, label } of ticks(range, right - left)) {
    const x = placeOf(at);
    context.fillStyle = palette.line;
    context.fillRect(Math.round(x), AXIS - 6, 1, 6);
    context.fillStyle = palette.soft;
    const half = context.measureText(label).width / 2;
    context.fillText(label, Math.min(right - half - 2, Math.max(left + half + 2, x)), AXIS / 2 - 1);
  }
  drawMasters(context, lives, scene, palette, placeOf);
  const top = AXIS + MASTERS;
  const lane = { letters: top + EVENTS / 2, top: top + 3, bottom: top + EVENTS - 3, left, right };
  drawMarks(context, lives.marks, placeOf, lane, palette);
  context.restore();
  if (cursor !== null) drawCursor(context, placeOf(cursor), HEAD, scene, palette, true);
}

/** @param {CanvasRenderingContext2D} context @param {Lives} lives @param {Scene} scene
 * @param {import('./draw.js').Palette} palette @param {(at: number) => number} placeOf */
function drawMasters(context, lives, scene, palette, placeOf) {
  const { left, right, now } = scene;
  context.textAlign = 'left';
  context.font = `11px ${palette.mono}`;
  for (const claim of lives.claims) {
    const x = Math.max(left - 4, placeOf(claim.from));
    const end = Math.min(right + 4, placeOf(Math.min(claim.to, now)));
    if (end < left || x > right) continue;
    const width = Math.max(2, end - x - 1);
    context.fillStyle = palette.chosen;
    context.fillRect(x, AXIS + 3, width, MASTERS - 5);
    context.fillStyle = palette.accent;
    if (!claim.isOpen) context.fillRect(x, AXIS + 3, 3, MASTERS - 5);
    context.fillRect(x, AXIS + MASTERS - 4, width, 2);
    if (width < 30) continue;
    context.save();
    context.beginPath();
    context.rect(x, AXIS, width - 3, MASTERS);
    context.clip();
    context.fillStyle = palette.text;
    const most = Math.floor((width - 12) / LETTER);
    const words = claim.epoch === '' ? claim.name : `${claim.name}  epoch ${claim.epoch}`;
    const cut = `${claim.name.slice(0, Math.max(1, most - 1))}…`;
    const fits = [words, claim.name, cut].find((one) => one.length <= most);
    if (fits) context.fillText(fits, x + 7, AXIS + MASTERS / 2);
    context.restore();
  }
}

/** The line at the shown moment of a recording. @param {CanvasRenderingContext2D} context @param {number} x
 * @param {number} height @param {Scene} scene @param {import('./draw.js').Palette} palette @param {boolean} isHead */
export function drawCursor(context, x, height, scene, palette, isHead) {
  if (x < scene.left - 1 || x > scene.right + 1) return;
  const at = Math.round(x);
  context.fillStyle = palette.accent;
  context.fillRect(at - 1, isHead ? 8 : 0, 2, height);
  if (!isHead) return;
  context.beginPath();
  context.moveTo(at - 6, 2);
  context.lineTo(at + 6, 2);
  context.lineTo(at + 6, 8);
  context.lineTo(at, 14);
  context.lineTo(at - 6, 8);
  context.fill();
}
