// The view of a cluster: what `heartline cluster status` knows, by part or by host. It belongs to no job.
import { clean, count, plural } from './format.js';
import { el, setAttribute, setText } from './dom.js';
import { filterWords, matchesWords } from './filter.js';
import { PARTS, clusterRows } from './cluster_rows.js';
import { clusterSums, rootFiles, troubles } from './cluster_sums.js';
import { FilePanel, RowPanel, SumTiles, TroublePanel } from './cluster_panels.js';
import { sourceOf } from './report_source.js';
import { reportStatus } from './report_status.js';
import { hashOf } from './route.js';

/** Rows that are shown at first, and by each "more". */
const ROWS = 400;
/** Rows that each group can have. */
const LEAST_ROWS = 60;
/** A status is gathered every few seconds. */
const STALE_MS = 30_000;
const NO_HOST = 'no host';
const collator = new Intl.Collator('en', { numeric: true });

/** @typedef {import('./cluster_rows.js').PartRow} PartRow */

export class ClusterView {
  /** @param {import('./app.js').App} app @param {HTMLElement} main */
  constructor(app, main) {
    this.app = app;
    /** @type {import('./report_source.js').ReportSource|null} */
    this.source = null;
    this.most = ROWS;
    this.shown = '';
    /** @type {Map<string, RowPanel>} */
    this.panels = new Map();
    this.filter = el('input', { type: 'search', placeholder: 'filter: part, host, state, trouble', spellcheck: 'false',
      autocomplete: 'off', 'aria-label': 'Filter by part, host, state or trouble', maxlength: '200' });
    this.filter.addEventListener('input', () => this.wishes({ filter: this.filter.value }));
    this.switches = new Map(['part', 'host'].map((by) => [by, el('button', { type: 'button', class: 'plain',
      onclick: () => this.wishes({ by: by === 'part' ? '' : by }) }, `by ${by}`)]));
    this.result = el('span', { class: 'result', role: 'status' });
    this.name = el('h1');
    this.verdict = el('span', { class: 'cluster-verdict', role: 'status' });
    this.sums = new SumTiles();
    this.troubles = new TroublePanel();
    this.files = new FilePanel();
    this.columns = [el('div'), el('div')];
    this.more = el('button', { type: 'button', class: 'plain' }, 'more');
    this.more.addEventListener('click', () => {
      this.most += ROWS;
      app.changed();
    });
    this.empty = el('p', { class: 'empty' });
    this.root = el('div', { class: 'view cluster' },
      el('div', { class: 'tools' }, this.name, this.verdict, el('span', { class: 'grow', role: 'search' }, this.filter),
        el('span', { class: 'switch', role: 'group', 'aria-label': 'Group' }, ...this.switches.values()), this.result),
      this.troubles.element, this.sums.element, this.empty, el('div', { class: 'part-columns' }, ...this.columns),
      el('div', {}, this.more));
    this.root.hidden = true;
    main.append(this.root);
    this.routed();
  }

  end() {
    this.source?.close();
  }

  routed() {
    const { query } = this.app.route;
    this.wish = { filter: (query.get('filter') ?? '').slice(0, 200), by: query.get('by') === 'host' ? 'host' : 'part' };
    if (this.filter.value !== this.wish.filter) this.filter.value = this.wish.filter;
    for (const [by, button] of this.switches) setAttribute(button, 'aria-pressed', String(by === this.wish.by));
    this.app.changed();
  }

  /** @param {Record<string, string>} wanted */
  wishes(wanted) {
    this.most = ROWS;
    this.app.replace(hashOf(null, 'cluster', { ...Object.fromEntries(this.app.route.query), ...wanted }));
    this.routed();
  }

  /** @returns {import('./status_line.js').Status} */
  status() {
    return reportStatus(this.app, { source: this.source, what: 'the cluster', isThere: this.app.has.cluster,
      staleAfter: STALE_MS });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key !== 'Escape' || this.wish.filter === '') return false;
    this.wishes({ filter: '' });
    return true;
  }

  update() {
    this.source = sourceOf(this.app, 'cluster', this.source);
    const status = this.source?.status;
    this.root.hidden = !status;
    if (!status) return;
    const key = `${this.source?.version} ${this.most} ${this.wish.by} ${this.wish.filter}`;
    if (key === this.shown) return;
    this.shown = key;
    const all = troubles(status);
    setText(this.name, clean(status.cluster, 80) || 'Cluster');
    setText(this.verdict, all.length === 0 && status.healthy === true ? 'all is well' : plural(all.length, 'trouble'));
    this.verdict.classList.toggle('is-bad', all.length > 0 || status.healthy !== true);
    this.troubles.show(all);
    this.sums.show(clusterSums(status));
    this.files.show(rootFiles(status));
    this.showRows(clusterRows(status));
  }

  /** @param {PartRow[]} rows */
  showRows(rows) {
    const words = filterWords(this.wish.filter);
    const found = rows.filter((row) => matchesWords(words, (word) => row.search.includes(word)));
    setText(this.result, words.length === 0 ? plural(rows.length, 'row') : `${count(found.length)} of ${
      plural(rows.length, 'row')}`);
    this.empty.hidden = found.length > 0;
    setText(this.empty, rows.length === 0 ? 'The cluster has no part yet.' : 'No part matches the filter.');
    setText(this.more, `more of ${count(found.length)}`);
    const groups = this.groups(found);
    // No group takes the place of all others.
    const share = Math.max(LEAST_ROWS, Math.floor(this.most / Math.max(1, groups.length)));
    /** @type {HTMLElement[][]} */
    const columns = [[], []];
    const heights = [0, 0];
    let left = this.most;
    /** @type {Map<string, RowPanel>} */
    const panels = new Map();
    for (const [name, members] of groups) {
      if (left <= 0) break;
      const panel = this.panels.get(name) ?? new RowPanel(PARTS.get(name) ?? name);
      const shown = Math.min(members.length, share, left);
      panel.show(members, shown, this.wish.by === 'host');
      panels.set(name, panel);
      left -= shown;
      // By the number of rows, so that panels change sides only if parts come or go.
      const side = heights[0] <= heights[1] ? 0 : 1;
      columns[side].push(panel.element);
      heights[side] += shown + 2;
    }
    this.panels = panels;
    this.more.hidden = this.most - left >= found.length;
    columns[heights[0] <= heights[1] ? 0 : 1].push(this.files.element);
    columns.forEach((wanted, side) => {
      const { children } = this.columns[side];
      const isSame = wanted.length === children.length && wanted.every((one, at) => children[at] === one);
      if (!isSame) this.columns[side].replaceChildren(...wanted);
    });
  }

  /** @param {PartRow[]} rows @returns {[string, PartRow[]][]} */
  groups(rows) {
    /** @type {Map<string, PartRow[]>} */
    const groups = new Map();
    for (const row of rows) {
      const name = this.wish.by === 'part' ? row.part : row.host || NO_HOST;
      const group = groups.get(name);
      if (group) group.push(row);
      else groups.set(name, [row]);
    }
    const order = [...groups];
    if (this.wish.by === 'host') {
      const last = (/** @type {string} */ name) => (name === NO_HOST ? 1 : 0);
      order.sort(([a], [b]) => last(a) - last(b) || collator.compare(a, b));
    }
    return order;
  }
}
