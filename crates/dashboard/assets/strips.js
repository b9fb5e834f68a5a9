// The view of the strips: filter, group and sort, chips of the states, and the list as pictures or as a table.
import { BY_RANK, STATES } from './states.js';
import { count, plural } from './format.js';
import { el, setAttribute, setText } from './dom.js';
import { badge } from './parts.js';
import { GROUPS, SORTS, SORT_LABELS, list } from './list.js';
import { StripList } from './strip_list.js';
import { StripTable } from './strip_table.js';
import { hashOf, memberHash } from './route.js';

/** The list is sorted anew this often, and not while somebody scrolls or points at it. */
const SORT_EVERY_MS = 1000;
const SCROLL_REST_MS = 600;
const TABLE_EVERY_MS = 500;

export class Strips {
  /** @param {import('./app.js').App} app @param {HTMLElement} main */
  constructor(app, main) {
    this.app = app;
    [this.sortedAt, this.tableAt, this.generation] = [0, 0, -1];
    this.list = new StripList(app, (index) => this.open(index));
    this.table = new StripTable(app, (page) => this.wishes({ page: String(page) }));
    this.filter = el('input', { type: 'search', placeholder: 'filter: node, host, attempt, state', spellcheck: 'false',
      autocomplete: 'off', 'aria-label': 'Filter by node, host, attempt or state', maxlength: '200' });
    this.filter.addEventListener('input', () => this.wishes({ filter: this.filter.value, page: '' }));
    this.group = this.select(GROUPS, {}, (group) => this.wishes({ group, page: '' }));
    this.sort = this.select(SORTS, SORT_LABELS, (sort) => this.wishes({ sort, page: '' }));
    this.toggle = el('button', { type: 'button', class: 'plain', 'aria-pressed': 'false',
      onclick: () => this.wishes({ as: this.wish.as === 'table' ? '' : 'table', page: '' }) }, 'as table');
    this.result = el('span', { class: 'result', role: 'status' });
    this.chips = el('div', { class: 'chips', role: 'group', 'aria-label': 'States' });
    this.chipOf = new Map();
    this.empty = el('p', { class: 'empty' });
    this.root = el('div', { class: 'view strips' }, el('h1', { class: 'hidden' }, 'Strips'),
      el('div', { class: 'tools', role: 'search' }, el('span', { class: 'grow' }, this.filter),
        el('label', {}, 'group', this.group), el('label', {}, 'sort', this.sort), this.toggle, this.result),
      this.chips, this.empty, this.list.element, this.table.element);
    main.append(this.root);
    this.routed();
  }

  /** @param {string[]} values @param {Record<string, string>} labels @param {(value: string) => void} chosen */
  select(values, labels, chosen) {
    const select = el('select', {}, ...values.map((value) => el('option', { value }, labels[value] ?? value)));
    select.addEventListener('change', () => chosen(select.value));
    return select;
  }

  end() {
    this.list.end();
  }

  jumped() {
    [this.sortedAt, this.tableAt] = [0, 0];
  }

  themed() {
    this.list.refresh();
  }

  /** The address has changed. */
  routed() {
    const { query } = this.app.route;
    const text = (/** @type {string} */ name) => query.get(name) ?? '';
    this.wish = {
      filter: text('filter').slice(0, 200), group: GROUPS.includes(text('group')) ? text('group') : 'none',
      sort: SORTS.includes(text('sort')) ? text('sort') : 'name', as: text('as') === 'table' ? 'table' : '',
      page: Math.max(1, Math.floor(Number(text('page'))) || 1),
    };
    this.app.stripsQuery = query.toString();
    if (this.filter.value !== this.wish.filter) this.filter.value = this.wish.filter;
    this.group.value = this.wish.group;
    this.sort.value = this.wish.sort;
    const isTable = this.wish.as === 'table';
    setAttribute(this.toggle, 'aria-pressed', String(isTable));
    this.sortedAt = 0;
    this.app.changed();
  }

  /** Changes the address by what a person wants. @param {Record<string, string>} wanted */
  wishes(wanted) {
    const query = Object.fromEntries(this.app.route.query);
    const next = { ...query, ...wanted };
    if (next.group === 'none') next.group = '';
    if (next.sort === 'name') next.sort = '';
    if (next.page === '1') next.page = '';
    this.app.replace(hashOf(this.app.route.job, 'strips', next));
    this.routed();
  }

  update() {
    const { model } = this.app;
    this.root.hidden = !model.isKnown;
    if (!model.isKnown) return;
    const now = performance.now();
    if (this.isSortDue(now)) {
      const isNew = this.sortedAt === 0;
      this.sortedAt = now;
      this.generation = model.generation;
      this.listing = list(model, this.wish);
      this.showListing(isNew);
    } else if (this.wish.as === '') {
      this.list.refresh();
    }
    if (this.wish.as === 'table' && now - this.tableAt > TABLE_EVERY_MS) {
      this.tableAt = now;
      this.table.update();
    }
    this.updateChips();
  }

  /** @param {number} now */
  isSortDue(now) {
    if (this.sortedAt === 0 || this.generation !== this.app.model.generation) return true;
    const isBusy = now - this.list.scrolledAt < SCROLL_REST_MS || this.list.hovered >= 0;
    return !isBusy && now - this.sortedAt >= SORT_EVERY_MS;
  }

  /** @param {boolean} isNew for another wish */
  showListing(isNew) {
    const { model } = this.app;
    const { listing, wish } = this;
    const isTable = wish.as === 'table';
    const isEmpty = listing.members === 0;
    this.list.element.hidden = isTable || isEmpty;
    this.table.element.hidden = !isTable || isEmpty;
    this.empty.hidden = !isEmpty;
    setText(this.empty, model.members.length === 0 ? 'No member yet.' : 'No member matches the filter.');
    setText(this.result, wish.filter.trim() === '' ? plural(listing.members, 'member')
      : `${count(listing.members)} of ${plural(model.members.length, 'member')}`);
    if (isTable) {
      this.table.show(listing, wish.page);
      return;
    }
    this.list.show(listing);
    if (isNew) {
      const at = this.list.positionOf(this.app.selected);
      if (at >= 0) this.list.reveal(at);
    }
  }

  /** A chip for each state that there is, which filters by it. */
  updateChips() {
    const { model } = this.app;
    const words = this.wish.filter.toLowerCase().split(/\s+/);
    for (const state of BY_RANK) {
      let chip = this.chipOf.get(state);
      const { label } = STATES[state];
      const isShown = model.counts[state] > 0 || words.includes(label);
      if (!chip) {
        if (!isShown) continue;
        const number = el('b');
        const button = el('button', { type: 'button', class: 'chip', 'data-state': label,
          onclick: () => this.toggleWord(label) }, badge(state), label, number);
        chip = { button, number };
        this.chipOf.set(state, chip);
        this.chips.append(button);
      }
      chip.button.hidden = !isShown;
      chip.button.style.order = String(BY_RANK.indexOf(state));
      setText(chip.number, count(model.counts[state]));
      setAttribute(chip.button, 'aria-pressed', String(words.includes(label)));
    }
  }

  /** @param {string} word */
  toggleWord(word) {
    const labels = STATES.map((state) => state.label);
    const words = this.wish.filter.split(/\s+/).filter((one) => one !== '');
    const others = words.filter((one) => !labels.includes(one.toLowerCase()));
    if (!words.some((one) => one.toLowerCase() === word)) others.push(word);
    this.wishes({ filter: others.join(' '), page: '' });
  }

  /** @param {number} index */
  open(index) {
    const member = this.app.model.members[index];
    this.app.selected = member.node;
    this.app.go(memberHash(this.app.route.job, member.node));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (this.wish.as === 'table') return this.tableKey(event);
    const page = Math.max(1, Math.floor(this.list.height / this.list.layout.height) - 1);
    const steps = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -1e9, End: 1e9 };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (step !== undefined) {
      this.list.move(step);
      return true;
    }
    if (event.key === 'Escape' && this.wish.filter !== '') {
      this.wishes({ filter: '', page: '' });
      return true;
    }
    const isOnControl = event.target instanceof Element && event.target.closest('a, button') !== null;
    if (event.key !== 'Enter' || isOnControl) return false;
    const at = this.list.positionOf(this.app.selected);
    if (at >= 0) this.open(this.list.listing.rows[at]);
    return at >= 0;
  }

  /** @param {KeyboardEvent} event */
  tableKey(event) {
    const step = { j: 1, k: -1 }[event.key];
    if (step === undefined) return false;
    const links = [...this.table.body.querySelectorAll('a')];
    const at = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement));
    links[Math.min(links.length - 1, Math.max(0, at + step))]?.focus();
    return true;
  }
}
