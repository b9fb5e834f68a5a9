// The view of the nodes: what `heartline nodes list` knows of a node control server. It belongs to no job.
import { count, duration, plural } from './format.js';
import { el, setAttribute, setText } from './dom.js';
import { COLUMNS, TextOrder, listedNodes, verdictCounts, verdictMark, wantedNodes } from './node_list.js';
import { markBadge } from './report_marks.js';
import { NodeRows } from './node_rows.js';
import { sourceOf } from './report_source.js';
import { reportStatus } from './report_status.js';
import { hashOf } from './route.js';

/** More verdicts than this are no verdicts. */
const MOST_CHIPS = 12;

export class NodesView {
  /** @param {import('./app.js').App} app @param {HTMLElement} main */
  constructor(app, main) {
    this.app = app;
    /** @type {import('./report_source.js').ReportSource|null} */
    this.source = null;
    [this.shown, this.version] = ['', 0];
    /** @type {import('./node_list.js').ListedNode[]} */
    this.nodes = [];
    this.orders = new TextOrder();
    this.rows = new NodeRows((column) => this.sortBy(column));
    this.filter = el('input', { type: 'search', placeholder: 'filter: node, address, role, user', spellcheck: 'false',
      autocomplete: 'off', 'aria-label': 'Filter by node, address, role, user or verdict', maxlength: '200' });
    this.filter.addEventListener('input', () => this.wishes({ filter: this.filter.value }));
    this.result = el('span', { class: 'result', role: 'status' });
    this.master = el('span', { class: 'node-master' });
    this.chips = el('div', { class: 'chips', role: 'group', 'aria-label': 'Verdicts' });
    this.chipOf = new Map();
    this.empty = el('p', { class: 'empty' });
    this.root = el('div', { class: 'view strips nodes' }, el('h1', { class: 'hidden' }, 'Nodes'),
      el('div', { class: 'tools' }, el('span', { class: 'grow', role: 'search' }, this.filter), this.master,
        this.result),
      this.chips, this.empty, this.rows.element);
    this.root.hidden = true;
    main.append(this.root);
    this.routed();
  }

  end() {
    this.source?.close();
    this.rows.end();
  }

  routed() {
    const { query } = this.app.route;
    const sort = query.get('sort') ?? '';
    this.wish = { filter: (query.get('filter') ?? '').slice(0, 200),
      sort: COLUMNS.has(sort.replace(/^-/, '')) ? sort : 'role' };
    if (this.filter.value !== this.wish.filter) this.filter.value = this.wish.filter;
    this.rows.showSort(this.wish.sort);
    this.app.changed();
  }

  /** @param {Record<string, string>} wanted */
  wishes(wanted) {
    this.app.replace(hashOf(null, 'nodes', { ...Object.fromEntries(this.app.route.query), ...wanted }));
    this.rows.scroller.scrollTop = 0;
    this.routed();
  }

  /** Again the same column turns the order. @param {string} column */
  sortBy(column) {
    // The longest age is what somebody looks for.
    const first = column === 'age' ? '-age' : column;
    const other = column === 'age' ? 'age' : `-${column}`;
    const sort = this.wish.sort === first ? other : first;
    this.wishes({ sort: sort === 'role' ? '' : sort });
  }

  /** @returns {import('./status_line.js').Status} */
  status() {
    // The list comes when something changes: an old one can be a true one.
    return reportStatus(this.app, { source: this.source, what: 'the nodes', isThere: this.app.has.nodes });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key === 'Escape' && this.wish.filter !== '') {
      this.wishes({ filter: '' });
      return true;
    }
    return this.rows.key(event.key);
  }

  update() {
    this.source = sourceOf(this.app, 'nodes', this.source);
    const { source } = this;
    this.root.hidden = !source?.status;
    if (!source?.status) return;
    const key = `${source.version} ${this.wish.sort} ${this.wish.filter}`;
    if (key === this.shown) return;
    this.shown = key;
    if (source.version !== this.version) {
      this.version = source.version;
      this.nodes = listedNodes(source.status);
      this.showMaster();
    }
    const wanted = wantedNodes(this.nodes, this.wish, this.orders);
    this.rows.element.hidden = wanted.length === 0;
    this.empty.hidden = wanted.length > 0;
    setText(this.empty, this.nodes.length === 0 ? 'No node has registered yet.' : 'No node matches the filter.');
    setText(this.result, this.wish.filter.trim() === '' ? plural(wanted.length, 'node')
      : `${count(wanted.length)} of ${plural(this.nodes.length, 'node')}`);
    this.rows.show(wanted);
    this.showChips();
  }

  showMaster() {
    const master = this.nodes.find((node) => node.isMaster);
    const standby = this.nodes.filter(({ role }) => role === 'standby').length;
    const name = el('span', { class: 'name mono' }, master?.name ?? '');
    const beat = master && !Number.isNaN(master.age) ? `beat ${duration(master.age)} ago` : 'no beat yet';
    const about = master ? [' ', name, `, ${master.verdict}, ${beat}`] : [': none'];
    this.master.replaceChildren(el('strong', {}, 'master'), ...about,
      standby > 0 ? `; ${count(standby)} on standby` : '');
  }

  /** A chip for each verdict that there is, which filters by it. */
  showChips() {
    const counts = verdictCounts(this.nodes);
    const words = this.wish.filter.toLowerCase().split(/\s+/);
    const verdicts = [...counts.keys(), ...this.chipOf.keys()].slice(0, MOST_CHIPS);
    for (const verdict of new Set(verdicts)) {
      let chip = this.chipOf.get(verdict);
      if (!chip) {
        const number = el('b');
        const button = el('button', { type: 'button', class: 'chip', onclick: () => this.toggleWord(verdict) },
          markBadge(verdict, verdictMark(verdict)), verdict, number);
        button.style.order = String(Math.round(verdictMark(verdict).rank * 2));
        chip = { button, number };
        this.chipOf.set(verdict, chip);
        this.chips.append(button);
      }
      const isPressed = words.includes(verdict.toLowerCase());
      chip.button.hidden = !counts.has(verdict) && !isPressed;
      setText(chip.number, count(counts.get(verdict) ?? 0));
      setAttribute(chip.button, 'aria-pressed', String(isPressed));
    }
  }

  /** @param {string} verdict */
  toggleWord(verdict) {
    const words = this.wish.filter.split(/\s+/).filter((one) => one !== '');
    const others = words.filter((one) => !this.chipOf.has(one.toLowerCase()));
    if (others.length === words.length || !words.some((one) => one.toLowerCase() === verdict)) others.push(verdict);
    this.wishes({ filter: others.join(' ') });
  }
}
