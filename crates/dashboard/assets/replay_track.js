// Draws the track behind the slider of a recording: what is over, and the events of note with their letters.
import { fitted } from './dom.js';
import { drawMarks } from './marks.js';

/** The width of the slider's thumb, as in replay.css: its middle goes from half a thumb to half a thumb. */
export const THUMB = 14;
const BAR = 4;

/**
 * @param {HTMLCanvasElement} canvas @param {{ width: number, height: number }} size
 * @param {import('./recording_source.js').About} about
 * @param {import('./recording_source.js').RecordedEvent[]} marks in their order
 * @param {number} time @param {import('./draw.js').Palette} palette
 */
export function drawTrack(canvas, { width, height }, about, marks, time, palette) {
  const context = fitted(canvas, width, height);
  if (!context) return;
  const length = Math.max(1, about.to - about.from);
  const placeOf = (/** @type {number} */ at) => THUMB / 2 + ((at - about.from) / length) * (width - THUMB);
  const middle = height - THUMB / 2 - 1;
  context.fillStyle = palette.trace;
  context.fillRect(THUMB / 2, middle - BAR / 2, width - THUMB, BAR);
  context.fillStyle = palette.accent;
  context.fillRect(THUMB / 2, middle - BAR / 2, placeOf(time) - THUMB / 2, BAR);
  const lane = { letters: middle - 14, top: middle - 8, bottom: middle + 4, left: 0, right: width };
  drawMarks(context, marks, placeOf, lane, palette);
}
