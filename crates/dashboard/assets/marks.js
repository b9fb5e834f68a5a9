// Draws events of note as lines with letters along an axis of time: in the track of a recording, and in the timeline.
import { MARKS } from './recorded_events.js';

const BADGE = 12;
/** No screen is wider, in CSS pixels. */
const MOST_PIXELS = 16_384;

/** @typedef {{ at: number, event: Record<string, any> }} MarkedEvent */
/** @typedef {{ letters: number, top: number, bottom: number, left: number, right: number }} Lane
 * `letters`: the middle of the letters; `top` and `bottom` of the lines. */

/** @param {string} kind @param {import('./draw.js').Palette} palette */
export function markColor(kind, palette) {
  return palette.named(MARKS.get(kind)?.color ?? 'soft');
}

/** A letter on its colour. @param {CanvasRenderingContext2D} context @param {string} letter @param {string} color
 * @param {number} x the middle @param {number} y @param {import('./draw.js').Palette} palette @param {number} [size] */
export function drawLetter(context, letter, color, x, y, palette, size = BADGE) {
  context.fillStyle = color;
  context.fillRect(x - size / 2, y - size / 2, size, size);
  context.fillStyle = palette.badge;
  context.font = `700 ${size - 3}px ${palette.sans}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(letter, x, y + 0.5);
}

/** @param {CanvasRenderingContext2D} context @param {MarkedEvent[]} marks in their order
 * @param {(at: number) => number} placeOf @param {Lane} lane @param {import('./draw.js').Palette} palette */
export function drawMarks(context, marks, placeOf, lane, palette) {
  const byKind = new Map([...MARKS.keys()].map((kind) => [kind, /** @type {number[]} */ ([])]));
  for (const { at, event } of marks) {
    const x = Math.round(placeOf(at));
    const places = x >= lane.left && x <= lane.right ? byKind.get(event.event) : undefined;
    if (places && places[places.length - 1] !== x) places.push(x);
  }
  // Of many at one place, the rarest kind is on top, then the most important: a thousand deaths hide no new master.
  const kinds = [...byKind].sort((a, b) => a[1].length - b[1].length);
  for (const [kind, places] of [...kinds].reverse()) {
    context.fillStyle = markColor(kind, palette);
    for (const x of places) context.fillRect(x - 1, lane.top, 2, lane.bottom - lane.top);
  }
  const taken = new Uint8Array(MOST_PIXELS);
  for (const [kind, places] of kinds) {
    for (const x of places) {
      // Where there is no room for a letter, the line remains.
      const start = Math.max(0, x - BADGE / 2 - 1);
      if (taken[start] || taken[x + BADGE / 2 + 1] || taken[x]) continue;
      taken.fill(1, start, x + BADGE / 2 + 2);
      drawLetter(context, MARKS.get(kind)?.letter ?? '?', markColor(kind, palette), x, lane.letters, palette);
    }
  }
}
