// The table of nodes: only the rows that are visible exist, so that ten thousand scroll as well as ten.
import { duration } from './format.js';
import { el, onceAFrame, setAttribute, setText } from './dom.js';
import { NODE_MARKS, ReportMark } from './report_marks.js';
import { COLUMNS } from './node_list.js';

/** Heights of a row, as in reports.css: where the page is narrow a row has two lines. */
const ROW = 30;
const NARROW_ROW = 52;
const NARROW = 620;
/** Rows above and below what is visible. */
const MORE = 8;

export class NodeRows {
  /** @param {(column: string) => void} sorted */
  constructor(sorted) {
    /** @type {import('./node_list.js').ListedNode[]} */
    this.nodes = [];
    this.rows = [];
    [this.height, this.rowHeight] = [0, ROW];
    this.due = onceAFrame(() => this.draw());
    this.heads = new Map([...COLUMNS].map(([column, title]) => [column, el('span', { role: 'columnheader',
      class: `c-${column}` }, el('button', { type: 'button', onclick: () => sorted(column) }, title,
      el('span', { class: 'way', 'aria-hidden': 'true' })))]));
    this.slice = el('div', { class: 'node-slice', role: 'presentation' });
    this.spacer = el('div', { class: 'node-space', role: 'presentation' }, this.slice);
    this.headRow = el('div', { class: 'node-row', role: 'row', 'aria-rowindex': '1' }, ...this.heads.values());
    this.scroller = el('div', { class: 'scroller', tabindex: '0', role: 'rowgroup', 'aria-label': 'Nodes' },
      this.spacer);
    this.table = el('div', { class: 'node-table', role: 'table', 'aria-label': 'Nodes' },
      el('div', { class: 'node-heads', role: 'rowgroup' }, this.headRow), this.scroller);
    this.element = el('div', { class: 'panel list' }, this.table);
    this.scroller.addEventListener('scroll', () => this.due(), { passive: true });
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.scroller);
  }

  end() {
    this.observer.disconnect();
  }

  resize() {
    this.height = this.scroller.clientHeight;
    // The heads stand above their columns, with a scroll bar and without.
    this.headRow.style.marginRight = `${this.scroller.offsetWidth - this.scroller.clientWidth}px`;
    this.rowHeight = this.scroller.clientWidth < NARROW ? NARROW_ROW : ROW;
    this.element.classList.toggle('is-narrow', this.rowHeight === NARROW_ROW);
    this.show(this.nodes);
  }

  /** @param {string} sort a column; with `-`, from its end */
  showSort(sort) {
    const column = sort.replace('-', '');
    for (const [name, head] of this.heads) {
      const way = name !== column ? null : sort.startsWith('-') ? 'descending' : 'ascending';
      setAttribute(head, 'aria-sort', way);
    }
  }

  /** @param {import('./node_list.js').ListedNode[]} nodes */
  show(nodes) {
    this.nodes = nodes;
    this.spacer.style.height = `${nodes.length * this.rowHeight}px`;
    setAttribute(this.table, 'aria-rowcount', String(nodes.length + 1));
    this.due();
  }

  draw() {
    if (this.height === 0) return;
    const size = Math.ceil(this.height / this.rowHeight) + 2 * MORE;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / this.rowHeight) - MORE);
    if (size !== this.rows.length) {
      this.rows = Array.from({ length: size }, () => this.row());
      this.slice.replaceChildren(...this.rows.map(({ element }) => element));
    }
    for (let index = first; index < first + size; index += 1) {
      // A row stays with its node while the list scrolls: only those that come into view are filled.
      const row = this.rows[index % size];
      const node = this.nodes[index];
      if (row.node === node && row.index === index && row.height === this.rowHeight) continue;
      row.element.hidden = node === undefined;
      [row.node, row.index, row.height] = [node, index, this.rowHeight];
      if (node) this.fill(row, index);
    }
  }

  /** @param {any} row @param {number} index */
  fill({ element, cells, mark, role, node, height }, index) {
    element.style.transform = `translateY(${index * height}px)`;
    setAttribute(element, 'aria-rowindex', String(index + 2));
    element.classList.toggle('is-master', node.isMaster);
    setText(role, node.role || '–');
    setAttribute(role, 'data-role', node.role);
    setText(cells.name, node.name);
    setAttribute(cells.name, 'title', node.name);
    setText(cells.address, node.address || '–');
    setText(cells.user, node.user || '–');
    setText(cells.age, duration(node.age));
    mark.set(node.verdict, node.verdict);
  }

  row() {
    const mark = new ReportMark(NODE_MARKS);
    const role = el('span', { class: 'role' });
    const cell = (/** @type {string} */ column, /** @type {Node[]} */ ...children) => el('span',
      { role: 'cell', class: `c-${column}` }, ...children);
    const cells = { role: cell('role', role), name: cell('name'), address: cell('address'), user: cell('user'),
      verdict: cell('verdict', mark.element), age: cell('age') };
    const element = el('div', { class: 'node-row', role: 'row' }, ...Object.values(cells));
    return { element, cells, mark, role, index: -1, height: 0,
      node: /** @type {import('./node_list.js').ListedNode|undefined} */ (undefined) };
  }

  /** @param {string} key @returns {boolean} whether the key meant something */
  key(key) {
    const page = Math.max(this.rowHeight, this.height - this.rowHeight);
    const steps = { j: this.rowHeight, k: -this.rowHeight, ArrowDown: this.rowHeight, ArrowUp: -this.rowHeight,
      PageDown: page, PageUp: -page, Home: -1e9, End: 1e9 };
    const step = steps[/** @type {keyof typeof steps} */ (key)];
    if (step === undefined) return false;
    this.scroller.scrollTop += step;
    return true;
  }
}
