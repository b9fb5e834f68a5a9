// The picture of the timeline: a head with the axis, and rows below it that scroll. Says what a person wants.
import { el, fitted, setText } from './dom.js';
import { AXIS, HEAD, MASTERS, drawCursor, drawHead } from './timeline_head.js';
import { TimelineRows } from './timeline_rows.js';
import { ticks, zoomed } from './timeline_scale.js';
import { barWords, claimWords } from './timeline_words.js';
import { timeOfDay } from './format.js';
import { markWords, marksBetween } from './recorded_events.js';

/** A pointer that moved less has clicked. */
const CLICK_PX = 4;
const WHEEL = 0.0018;
/** Pixels to both sides of the pointer in which events are told. */
const NEAR_PX = 5;

/**
 * @typedef {import('./timeline_bars.js').Bar} Bar
 * @typedef {{ from: number, to: number }} Range
 * @typedef {{ open(bar: Bar): void, range(range: Range): void, seek(at: number): void }} Wishes
 */

export class TimelineList {
  /** @param {import('./app.js').App} app @param {Wishes} wishes */
  constructor(app, wishes) {
    this.app = app;
    this.wishes = wishes;
    this.rows = new TimelineRows(app);
    /** @type {import('./timeline_bars.js').Lives} */
    this.lives = { bars: [], claims: [], marks: [], from: 0, tasks: 0 };
    /** @type {Bar[]} */
    this.bars = [];
    /** @type {Range} */
    this.range = { from: 0, to: 1 };
    [this.now, this.width, this.height, this.top, this.hovered, this.rowHeight, this.left] = [0, 0, 0, 0, -1, 20, 200];
    /** @type {number|null} */
    this.cursor = null;
    /** @type {{ x: number, range: Range, isHead: boolean, isMoved: boolean, to: number }|null} */
    this.drag = null;
    this.head = el('canvas', { class: 'timeline-head', 'aria-hidden': 'true' });
    this.canvas = el('canvas', { 'aria-hidden': 'true' });
    this.spacer = el('div', {}, this.canvas);
    this.scroller = el('div', { class: 'scroller', tabindex: '0', role: 'region', 'aria-label':
      'Attempts over time; up and down choose an attempt, Enter opens it; the table has the same facts' }, this.spacer);
    this.tip = el('div', { class: 'tip', 'aria-hidden': 'true' });
    this.tip.hidden = true;
    this.element = el('div', { class: 'panel list' }, this.head, this.scroller, this.tip);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.scroller);
    this.listen();
  }

  listen() {
    this.scroller.addEventListener('scroll', () => {
      this.top = this.scroller.scrollTop;
      this.hide();
      this.app.changed();
    }, { passive: true });
    for (const canvas of [this.head, this.canvas]) {
      const isHead = canvas === this.head;
      canvas.addEventListener('pointerdown', (/** @type {PointerEvent} */ event) => this.press(event, isHead));
      canvas.addEventListener('pointermove', (/** @type {PointerEvent} */ event) => this.point(event, isHead));
      canvas.addEventListener('pointerup', (/** @type {PointerEvent} */ event) => this.release(event));
      canvas.addEventListener('pointercancel', () => { this.drag = null; });
      canvas.addEventListener('pointerleave', () => this.hide());
      canvas.addEventListener('wheel', (/** @type {WheelEvent} */ event) => this.wheel(event, isHead),
        { passive: false });
    }
  }

  end() {
    this.observer.disconnect();
  }

  resize() {
    const { clientWidth, clientHeight } = this.scroller;
    if (clientWidth === 0 || clientHeight === 0) return;
    [this.width, this.height] = [clientWidth, clientHeight];
    this.left = clientWidth < 620 ? 108 : clientWidth < 1000 ? 170 : 232;
    this.rowHeight = clientWidth < 620 ? 26 : 21;
    for (const [canvas, height] of /** @type {[HTMLCanvasElement, number][]} */ ([[this.head, HEAD],
      [this.canvas, clientHeight]])) {
      canvas.style.width = `${clientWidth}px`;
      canvas.style.height = `${height}px`;
    }
    this.show(this.lives, this.bars);
    this.app.changed();
  }

  /** @param {import('./timeline_bars.js').Lives} lives @param {Bar[]} bars those that match */
  show(lives, bars) {
    [this.lives, this.bars] = [lives, bars];
    this.spacer.style.height = `${Math.max(this.height, bars.length * this.rowHeight)}px`;
    this.top = this.scroller.scrollTop;
  }

  /** The first visible row, and how many there are. */
  get visible() {
    return { first: Math.floor(this.top / this.rowHeight), rows: Math.ceil(this.height / this.rowHeight) + 1 };
  }

  /** @returns {import('./timeline_rows.js').Scene} */
  get scene() {
    return { range: this.range, left: this.left, right: this.width - 8, now: this.now, height: this.rowHeight };
  }

  /** @param {number} x */
  timeAt(x) {
    const { range, left, right } = this.scene;
    return range.from + ((x - left) / Math.max(1, right - left)) * (range.to - range.from);
  }

  draw() {
    const { palette } = this.app;
    const { scene } = this;
    const head = fitted(this.head, this.width, HEAD);
    const context = fitted(this.canvas, this.width, this.height);
    if (!head || !context) return;
    drawHead(head, this.lives, scene, palette, this.cursor);
    if (this.drag?.isHead && this.drag.isMoved) {
      head.globalAlpha = 0.25;
      head.fillStyle = palette.accent;
      head.fillRect(Math.min(this.drag.x, this.drag.to), 0, Math.abs(this.drag.to - this.drag.x), HEAD);
      head.globalAlpha = 1;
    }
    const { range, left, right } = scene;
    const placeOf = (/** @type {number} */ at) => left + ((at - range.from) / (range.to - range.from)) * (right - left);
    const { first, rows } = this.visible;
    for (let at = first; at < Math.min(this.bars.length, first + rows); at += 1) {
      const y = at * this.rowHeight - this.top;
      const isChosen = this.bars[at].node === this.app.selected;
      if (isChosen || at === this.hovered) {
        context.fillStyle = isChosen ? palette.chosen : palette.hover;
        context.fillRect(0, y, this.width, this.rowHeight);
      }
      if (isChosen) {
        context.fillStyle = palette.accent;
        context.fillRect(0, y, 3, this.rowHeight);
      }
    }
    context.fillStyle = palette.trace;
    for (const { at } of ticks(range, right - left)) context.fillRect(Math.round(placeOf(at)), 0, 1, this.height);
    for (let at = first; at < Math.min(this.bars.length, first + rows); at += 1) {
      this.rows.draw(context, this.bars[at], at * this.rowHeight - this.top, scene);
    }
    if (this.cursor !== null) drawCursor(context, placeOf(this.cursor), this.height, scene, palette, false);
  }

  /** @param {PointerEvent} event @param {boolean} isHead */
  press(event, isHead) {
    if (event.button !== 0) return;
    this.drag = { x: event.offsetX, range: this.range, isHead, isMoved: false, to: event.offsetX };
    // A finger that scrolls the rows keeps doing so.
    const isCaptured = isHead || event.pointerType === 'mouse';
    if (isCaptured) /** @type {Element} */ (event.target).setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event @param {boolean} isHead */
  point(event, isHead) {
    const { drag } = this;
    if (!drag) return this.hover(event, isHead);
    drag.to = event.offsetX;
    if (Math.abs(drag.to - drag.x) >= CLICK_PX) drag.isMoved = true;
    if (!drag.isMoved) return undefined;
    this.hide();
    const { left, right } = this.scene;
    const by = ((drag.x - drag.to) / Math.max(1, right - left)) * (drag.range.to - drag.range.from);
    if (!drag.isHead) this.wishes.range({ from: drag.range.from + by, to: drag.range.to + by });
    this.app.changed();
    return undefined;
  }

  /** @param {PointerEvent} event */
  release(event) {
    const { drag } = this;
    this.drag = null;
    if (!drag) return;
    if (drag.isMoved) {
      const [from, to] = [this.timeAt(Math.min(drag.x, drag.to)), this.timeAt(Math.max(drag.x, drag.to))];
      if (drag.isHead) this.wishes.range({ from, to });
      this.app.changed();
      return;
    }
    if (drag.isHead) {
      if (drag.x >= this.left) this.wishes.seek(this.timeAt(drag.x));
      return;
    }
    const bar = this.bars[Math.floor((this.top + event.offsetY) / this.rowHeight)];
    if (bar) this.wishes.open(bar);
  }

  /** Over the head, and wherever nothing scrolls, the wheel zooms; otherwise with Ctrl.
   * @param {WheelEvent} event @param {boolean} isHead */
  wheel(event, isHead) {
    const { range, left, right } = this.scene;
    const across = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (Math.abs(across) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      event.preventDefault();
      const by = (across / Math.max(1, right - left)) * (range.to - range.from);
      this.wishes.range({ from: range.from + by, to: range.to + by });
      return;
    }
    const isFitting = this.bars.length * this.rowHeight <= this.height;
    if (!isHead && !isFitting && !event.ctrlKey) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    const at = this.timeAt(Math.min(right, Math.max(left, event.offsetX)));
    this.wishes.range(zoomed(range, Math.exp(Math.max(-300, Math.min(300, event.deltaY * lines)) * WHEEL), at));
  }

  hide() {
    this.tip.hidden = true;
    if (this.hovered < 0) return;
    this.hovered = -1;
    this.app.changed();
  }

  /** @param {PointerEvent} event @param {boolean} isHead */
  hover(event, isHead) {
    const at = isHead ? -1 : Math.floor((this.top + event.offsetY) / this.rowHeight);
    const bar = this.bars[at];
    if (at !== this.hovered) {
      this.hovered = bar ? at : -1;
      this.app.changed();
    }
    const words = isHead ? this.headWords(event) : bar ? `${bar.name}: ${barWords(bar, this.now)}` : '';
    this.tip.hidden = words === '' || event.pointerType === 'touch';
    setText(this.tip, words);
    const isRight = event.clientX > window.innerWidth / 2;
    const isLow = event.clientY > window.innerHeight - 120;
    const [x, y] = [event.clientX + (isRight ? -12 : 14), event.clientY + (isLow ? -14 : 18)];
    const own = `translate(${isRight ? '-100%' : '0'}, ${isLow ? '-100%' : '0'})`;
    this.tip.style.transform = `translate(${x}px, ${y}px) ${own}`;
  }

  /** @param {PointerEvent} event */
  headWords(event) {
    if (event.offsetX < this.left) return '';
    const time = this.timeAt(event.offsetX);
    if (event.offsetY > AXIS && event.offsetY <= AXIS + MASTERS) {
      const claim = this.lives.claims.find(({ from, to }) => from <= time && time < to);
      return claim ? claimWords(claim, this.now) : `${timeOfDay(time)}: nobody is known as master`;
    }
    const near = this.timeAt(event.offsetX + NEAR_PX) - time;
    const { found, number } = marksBetween(this.lives.marks, time - near, time + near, 3);
    const more = number > found.length ? ` and ${number - found.length} more` : '';
    return found.length === 0 ? timeOfDay(time) : `${found.map(markWords).join(' · ')}${more}`;
  }

  /** The row of a member; -1 if it is not shown. @param {string|null} node */
  positionOf(node) {
    return node === null ? -1 : this.bars.findIndex((bar) => bar.node === node);
  }

  /** Chooses another row. @param {number} step @returns {Bar|null} */
  move(step) {
    if (this.bars.length === 0) return null;
    const before = this.positionOf(this.app.selected);
    const at = before < 0 ? this.visible.first : Math.min(this.bars.length - 1, Math.max(0, before + step));
    this.reveal(at);
    return this.bars[at];
  }

  /** @param {number} at */
  reveal(at) {
    const top = at * this.rowHeight;
    const lowest = top + this.rowHeight - this.height;
    if (top < this.top) this.scroller.scrollTop = top;
    else if (lowest > this.top) this.scroller.scrollTop = lowest;
    this.top = this.scroller.scrollTop;
  }
}
