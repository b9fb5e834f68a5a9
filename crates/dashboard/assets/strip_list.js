// The list of strips: one canvas as large as what is visible, which stays in place while the list scrolls below it.
import { STATES } from './states.js';
import { CELLS } from './model.js';
import { duration, short } from './format.js';
import { el, onceAFrame, setText } from './dom.js';
import { StripRows } from './strip_rows.js';
import { layoutFor } from './strip_columns.js';

/** @typedef {import('./list.js').Listing} Listing */

export class StripList {
  /** @param {import('./app.js').App} app @param {(index: number) => void} opened */
  constructor(app, opened) {
    this.app = app;
    this.opened = opened;
    /** @type {Listing} */
    this.listing = { rows: new Int32Array(0), groups: [], members: 0 };
    this.rows = new StripRows(app);
    this.canvas = el('canvas', { 'aria-hidden': 'true' });
    this.context = this.canvas.getContext('2d', { alpha: true });
    this.spacer = el('div', {}, this.canvas);
    this.scroller = el('div', { class: 'scroller', tabindex: '0', role: 'region',
      'aria-label': 'Heartbeat strips; arrows choose a member, Enter opens it; the table has the same facts' },
    this.spacer);
    this.columns = el('div', { class: 'columns', 'aria-hidden': 'true' });
    this.tip = el('div', { class: 'tip', 'aria-hidden': 'true' });
    this.tip.hidden = true;
    this.element = el('div', { class: 'panel list' }, this.columns, this.scroller, this.tip);
    [this.width, this.height, this.top, this.hovered, this.scrolledAt] = [0, 0, 0, -1, 0];
    this.layout = layoutFor(1000, 1);
    this.due = onceAFrame(() => this.draw());
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.scroller);
    this.listen();
  }

  listen() {
    this.scroller.addEventListener('scroll', () => {
      this.top = this.scroller.scrollTop;
      this.scrolledAt = performance.now();
      this.hide();
      this.due();
    }, { passive: true });
    this.canvas.addEventListener('pointermove', (/** @type {PointerEvent} */ event) => this.hover(event));
    this.canvas.addEventListener('pointerleave', () => this.hide());
    this.canvas.addEventListener('click', (/** @type {MouseEvent} */ event) => {
      const entry = this.listing.rows[this.rowAt(event.offsetY)];
      if (entry >= 0) this.opened(entry);
    });
  }

  end() {
    this.observer.disconnect();
  }

  /** @param {Listing} listing */
  show(listing) {
    this.listing = listing;
    this.spacer.style.height = `${Math.max(this.height, listing.rows.length * this.layout.height)}px`;
    this.refresh();
  }

  /** All rows are drawn again. */
  refresh() {
    this.rows.changed();
    this.due();
  }

  resize() {
    const { clientWidth, clientHeight } = this.scroller;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.ratio = Math.min(window.devicePixelRatio || 1, 3);
    [this.width, this.height] = [clientWidth, clientHeight];
    this.layout = layoutFor(clientWidth, this.ratio);
    this.canvas.width = Math.round(clientWidth * this.ratio);
    this.canvas.height = Math.round(clientHeight * this.ratio);
    this.canvas.style.width = `${clientWidth}px`;
    this.canvas.style.height = `${clientHeight}px`;
    this.rows.resize(clientWidth, clientHeight, this.layout, this.ratio);
    this.drawColumns();
    this.show(this.listing);
    this.top = this.scroller.scrollTop;
    this.draw();
  }

  drawColumns() {
    const { columns, strip } = this.layout;
    const minute = duration(CELLS * this.app.model.period);
    const parts = columns.map(({ title, x, width, isRight }) => {
      const span = el('span', {}, title);
      if (isRight) span.style.right = `${this.element.clientWidth - x - width}px`;
      else span.style.left = `${x}px`;
      return span;
    });
    if (strip.y < 12) {
      const [from, to] = [el('span', {}, `${minute} ago`), el('span', {}, 'now')];
      from.style.left = `${strip.x}px`;
      to.style.right = `${this.element.clientWidth - strip.x - strip.width}px`;
      parts.push(from, to);
    }
    this.columns.replaceChildren(...parts);
  }

  draw() {
    if (this.width === 0) return;
    const { context, listing, rows, app: { palette } } = this;
    const pixels = rows.rowPixels ?? 1;
    const top = Math.round(this.top * (this.ratio ?? 1));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const first = Math.max(0, Math.floor(top / pixels));
    const selected = this.positionOf(this.app.selected);
    for (let at = first; at < listing.rows.length; at += 1) {
      const y = at * pixels - top;
      if (y >= this.canvas.height) break;
      if (at === selected || at === this.hovered) {
        context.fillStyle = at === selected ? palette.chosen : palette.hover;
        context.fillRect(0, y, this.canvas.width, pixels);
      }
      if (at === selected) {
        context.fillStyle = palette.accent;
        context.fillRect(0, y, 3 * (this.ratio ?? 1), pixels);
      }
      rows.put(context, y, listing, at);
    }
  }

  /** The row of a member; -1 if it is not in the list. @param {string|null} node */
  positionOf(node) {
    const member = node === null ? null : this.app.model.byName(node);
    if (!member) return -1;
    return this.listing.rows.indexOf(member.index);
  }

  /** @param {number} y in the canvas */
  rowAt(y) {
    return Math.floor((this.top + y) / this.layout.height);
  }

  /** Chooses another member. @param {number} step rows; headings are passed */
  move(step) {
    const { rows } = this.listing;
    if (this.listing.members === 0) return;
    let at = this.positionOf(this.app.selected);
    const isFirst = at < 0;
    if (isFirst) at = Math.min(rows.length - 1, Math.max(0, Math.ceil(this.top / this.layout.height)));
    else at = Math.min(rows.length - 1, Math.max(0, at + step));
    const way = step < 0 && !isFirst ? -1 : 1;
    while (at >= 0 && at < rows.length && rows[at] < 0) at += way;
    if (at < 0) at = rows.findIndex((/** @type {number} */ entry) => entry >= 0);
    if (at >= rows.length) return;
    this.choose(at);
  }

  /** @param {number} at */
  choose(at) {
    const member = this.app.model.members[this.listing.rows[at]];
    if (!member) return;
    this.app.selected = member.node;
    this.reveal(at);
    const { model } = this.app;
    const rate = `${short(member.row.records_per_second)} records a second`;
    this.app.say(`${member.name}, ${model.verdict(member)}, ${rate}, row ${at + 1}`);
    this.app.frame();
    this.due();
  }

  /** @param {number} at */
  reveal(at) {
    const { height } = this.layout;
    const top = at * height;
    if (top < this.top) this.scroller.scrollTop = Math.max(0, at === 1 && this.listing.groups.length > 0 ? 0 : top);
    else if (top + height > this.top + this.height) this.scroller.scrollTop = top + height - this.height;
    this.top = this.scroller.scrollTop;
  }

  hide() {
    this.tip.hidden = true;
    if (this.hovered < 0) return;
    this.hovered = -1;
    this.due();
  }

  /** @param {PointerEvent} event */
  hover(event) {
    const at = this.rowAt(event.offsetY);
    const entry = this.listing.rows[at];
    if (this.hovered !== at) {
      this.hovered = entry >= 0 ? at : -1;
      this.due();
    }
    const { strip } = this.layout;
    const { model } = this.app;
    const ago = CELLS - 1 - Math.floor(((event.offsetX - strip.x) / strip.width) * CELLS);
    if (!(entry >= 0) || event.pointerType === 'touch') {
      this.tip.hidden = true;
      return;
    }
    let words = `${model.members[entry].name} · ${model.verdict(model.members[entry])}`;
    if (ago >= 0 && ago < CELLS) {
      const cell = model.cell(entry, ago);
      const share = cell >> 4 === 0 ? '' : `, ${Math.round(((cell & 15) / 9) * 100)} % of the beats`;
      words = `${duration(ago * model.period)} ago: ${STATES[cell >> 4].label}${share} · ${model.members[entry].name}`;
    }
    setText(this.tip, words);
    this.tip.hidden = false;
    const isLeft = event.clientX > window.innerWidth / 2;
    this.tip.style.transform = `translate(${event.clientX + (isLeft ? -12 : 14)}px, ${event.clientY + 16}px)${
      isLeft ? ' translateX(-100%)' : ''}`;
  }
}
