// Draws the rows of the list of strips, each once, and copies them while the list scrolls.
import { STATES, isEnded } from './states.js';
import { CELLS } from './model.js';
import { clean, duration, isNumber, percent, plural, short } from './format.js';
import { drawStrip } from './draw.js';
import { layoutFor } from './strip_columns.js';

/** Rows that are kept beyond the visible ones. */
const SPARE = 24;

/** @typedef {import('./list.js').Listing} Listing */

export class StripRows {
  /** @param {import('./app.js').App} app */
  constructor(app) {
    this.app = app;
    /** One small canvas a row: to copy from a canvas that was just drawn on copies all of it first.
     * @type {CanvasRenderingContext2D[]} */
    this.contexts = [];
    this.cells = new Uint8Array(CELLS);
    /** What each of them holds, and of which version. */
    this.owners = new Int32Array(0);
    this.versions = new Int32Array(0);
    this.version = 0;
    this.slots = 0;
    [this.width, this.rowPixels, this.ratio] = [0, 1, 1];
    /** The row that is drawn now. @type {any} */
    this.context = null;
    this.layout = layoutFor(1000, 1);
  }

  /** @param {number} width @param {number} height of all visible rows
   * @param {import('./strip_columns.js').Layout} layout
   * @param {number} ratio */
  resize(width, height, layout, ratio) {
    this.layout = layout;
    this.ratio = ratio;
    this.width = width;
    this.rowPixels = Math.round(layout.height * ratio);
    this.slots = Math.ceil(height / layout.height) + SPARE;
    this.contexts = Array.from({ length: this.slots }, () => {
      const canvas = document.createElement('canvas');
      canvas.width = Math.max(1, Math.round(width * ratio));
      canvas.height = Math.max(1, this.rowPixels);
      return /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    });
    this.owners = new Int32Array(this.slots);
    this.versions = new Int32Array(this.slots).fill(-1);
    this.changed();
  }

  /** All rows are out of date. */
  changed() {
    this.version += 1;
  }

  /** Puts a row on the list's canvas, which is in the screen's pixels.
   * @param {CanvasRenderingContext2D} target @param {number} y @param {Listing} listing @param {number} at */
  put(target, y, listing, at) {
    const entry = listing.rows[at];
    const slot = at % this.slots;
    const context = this.contexts[slot];
    const { canvas } = context;
    if (this.owners[slot] !== entry || this.versions[slot] !== this.version) {
      this.owners[slot] = entry;
      this.versions[slot] = this.version;
      this.context = context;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      if (entry < 0) this.drawGroup(listing.groups[-1 - entry]);
      else this.drawMember(entry);
    }
    target.drawImage(canvas, 0, y);
  }

  /** @param {import('./list.js').Group} group */
  drawGroup(group) {
    const { context, layout, width, app: { palette } } = this;
    context.fillStyle = palette.raised;
    context.fillRect(0, 0, width, layout.height);
    context.fillStyle = palette.line;
    context.fillRect(0, layout.height - 1, width, 1);
    const middle = layout.height / 2 + 0.5;
    context.textBaseline = 'middle';
    context.textAlign = 'left';
    context.font = `650 12px ${palette.sans}`;
    context.fillStyle = palette.text;
    const title = this.fit(group.name, Math.max(80, width - 260), 7);
    context.fillText(title, 14, middle);
    let x = 14 + context.measureText(title).width + 12;
    context.font = `12px ${palette.sans}`;
    context.fillStyle = palette.soft;
    const size = plural(group.members.length, 'member');
    context.fillText(size, x, middle);
    x += context.measureText(size).width + 16;
    for (const [state, number] of [...group.counts].sort((a, b) => STATES[a[0]].rank - STATES[b[0]].rank)) {
      if (x > width - 50) break;
      this.badge(state, x, middle);
      context.font = `12px ${palette.sans}`;
      context.fillStyle = palette.text;
      context.textAlign = 'left';
      context.fillText(String(number), x + 20, middle);
      x += 20 + context.measureText(String(number)).width + 14;
    }
  }

  /** @param {number} index */
  drawMember(index) {
    const { context, layout, app: { model, palette } } = this;
    const member = model.members[index];
    if (!member) return;
    const state = model.states[index];
    drawStrip(context, model.strip(index, this.cells), layout.strip, palette);
    const { font } = layout;
    const middle = layout.strip.y > 12 ? 12.5 : layout.height / 2 + 0.5;
    context.textBaseline = 'middle';
    for (const { key, x, width, isRight } of layout.columns) {
      const isQuiet = isEnded(state);
      if (key === 'name') {
        this.badge(state, x, middle);
        context.font = `${font}px ${palette.mono}`;
        context.fillStyle = palette.text;
        this.text(this.fit(member.name, width - 22, font * 0.602), x + 22, middle, width - 22, false);
        continue;
      }
      if (key === 'progress') {
        this.progress(member.row.progress, x, middle, width);
        continue;
      }
      context.font = `${font}px ${palette.sans}`;
      context.fillStyle = key === 'host' || isQuiet ? palette.soft : palette.text;
      this.text(this.fit(this.value(key, index), width, font * 0.52), isRight ? x + width : x, middle, width, isRight);
    }
  }

  /** @param {string} key @param {number} index */
  value(key, index) {
    const { model } = this.app;
    const { row } = model.members[index];
    switch (key) {
      case 'state': return model.verdict(model.members[index]);
      case 'host': return clean(row.host, 60);
      case 'records': return isEnded(model.states[index]) ? '–' : short(row.records_per_second);
      default: return duration(model.lag(index));
    }
  }

  /** @param {unknown} progress @param {number} x @param {number} middle @param {number} width */
  progress(progress, x, middle, width) {
    const { context, app: { palette } } = this;
    context.font = `12px ${palette.sans}`;
    context.fillStyle = palette.text;
    this.text(percent(progress), x + width, middle, width, true);
    if (!isNumber(progress)) return;
    const wide = width - 46;
    context.fillStyle = palette.trace;
    context.fillRect(x, middle - 3, wide, 5);
    context.fillStyle = palette.accent;
    context.fillRect(x, middle - 3, (wide * Math.min(100, Math.max(0, progress))) / 100, 5);
  }

  /** A square or round badge with the state's letter. @param {number} state @param {number} x @param {number} middle */
  badge(state, x, middle) {
    const { context, app: { palette } } = this;
    context.fillStyle = palette.states[state];
    context.beginPath();
    const isSharp = STATES[state].rank <= 2;
    if (isSharp) context.rect(x, middle - 8, 16, 16);
    else context.roundRect(x, middle - 8, 16, 16, STATES[state].rank >= 8 ? 8 : 4);
    context.fill();
    context.font = `700 11px ${palette.sans}`;
    context.textAlign = 'center';
    context.fillStyle = palette.badge;
    context.fillText(STATES[state].letter, x + 8, middle + 0.5);
    context.textAlign = 'left';
  }

  /** @param {string} text @param {number} x @param {number} y @param {number} width @param {boolean} isRight */
  text(text, x, y, width, isRight) {
    const { context } = this;
    context.textAlign = isRight ? 'right' : 'left';
    context.direction = 'ltr';
    // Only letters of unknown width can be too wide.
    if (/^[\x20-\x7e…–]*$/.test(text)) context.fillText(text, x, y);
    else context.fillText(text, x, y, width);
  }

  /** A text without its middle, if it is too long. @param {string} text @param {number} width @param {number} letter */
  fit(text, width, letter) {
    const most = Math.floor(width / letter);
    if (text.length <= most) return text;
    const head = Math.max(1, Math.ceil((most - 1) * 0.6));
    const tail = Math.max(1, most - 1 - head);
    return `${text.slice(0, head)}…${text.slice(-tail)}`;
  }
}
