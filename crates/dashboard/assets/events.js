// The view of all events that the page keeps, newest first, filtered by kind and by words.
import { clean, count, plural } from './format.js';
import { el, setAttribute, setText } from './dom.js';
import { KINDS, eventRow } from './event_row.js';
import { hashOf } from './route.js';

/** Rows that are shown at first, and by each "more". */
const ROWS = 200;

export class Events {
  /** @param {import('./app.js').App} app @param {HTMLElement} main */
  constructor(app, main) {
    this.app = app;
    this.most = ROWS;
    this.shown = '';
    this.filter = el('input', { type: 'search', placeholder: 'filter: node, cause, condition', spellcheck: 'false',
      autocomplete: 'off', 'aria-label': 'Filter events by node, cause or condition', maxlength: '200' });
    this.filter.addEventListener('input', () => this.wishes({ filter: this.filter.value }));
    this.result = el('span', { class: 'result', role: 'status' });
    this.chips = el('div', { class: 'chips', role: 'group', 'aria-label': 'Kinds of events' });
    this.chipOf = new Map();
    this.list = el('ol', { class: 'event-list' });
    this.empty = el('p', { class: 'empty' });
    this.more = el('button', { type: 'button', class: 'plain' }, 'more');
    this.more.addEventListener('click', () => {
      this.most += ROWS;
      app.changed();
    });
    this.root = el('div', { class: 'view' }, el('h1', { class: 'hidden' }, 'Events'),
      el('div', { class: 'tools', role: 'search' }, el('span', { class: 'grow' }, this.filter), this.result),
      this.chips,
      el('section', { class: 'panel', 'aria-label': 'Events' }, this.list, this.empty, this.more));
    main.append(this.root);
    this.routed();
  }

  routed() {
    const { query } = this.app.route;
    this.kinds = new Set((query.get('kind') ?? '').split(',').filter((kind) => KINDS.has(kind)));
    this.words = (query.get('filter') ?? '').slice(0, 200);
    if (this.filter.value !== this.words) this.filter.value = this.words;
    this.shown = '';
    this.app.changed();
  }

  /** @param {Record<string, string>} wanted */
  wishes(wanted) {
    const query = Object.fromEntries(this.app.route.query);
    this.most = ROWS;
    this.app.replace(hashOf(this.app.route.job, 'events', { ...query, ...wanted }));
    this.routed();
  }

  update() {
    const { model } = this.app;
    this.root.hidden = !model.isKnown;
    const key = `${model.events.version} ${this.most}`;
    if (!model.isKnown || key === this.shown) return;
    this.shown = key;
    const { entries } = model.events;
    const found = entries.filter((entry) => this.isWanted(entry));
    const rows = found.slice(-this.most).reverse();
    this.list.replaceChildren(...rows.map((entry) => eventRow(this.app.route.job, entry)));
    this.empty.hidden = rows.length > 0;
    setText(this.empty, entries.length === 0 ? 'No event yet.' : 'No event matches the filter.');
    this.more.hidden = rows.length >= found.length;
    setText(this.more, `more of ${count(found.length)}`);
    setText(this.result, found.length === entries.length ? plural(entries.length, 'event')
      : `${count(found.length)} of ${plural(entries.length, 'event')}`);
    this.updateChips(entries);
  }

  /** @param {import('./event_list.js').Entry} entry */
  isWanted({ event }) {
    const kind = String(event.event);
    // What is missing concerns every filter.
    if (kind === 'missed') return true;
    if (this.kinds.size > 0 && !this.kinds.has(kind)) return false;
    const parts = [event.node, kind, event.cause, event.condition, event.previous?.node];
    const text = parts.map((part) => clean(part)).join('\n').toLowerCase();
    return this.words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
  }

  /** @param {import('./event_list.js').Entry[]} entries */
  updateChips(entries) {
    const counts = new Map();
    for (const { event } of entries) counts.set(event.event, (counts.get(event.event) ?? 0) + 1);
    for (const [kind, letter] of KINDS) {
      let chip = this.chipOf.get(kind);
      const isShown = counts.has(kind) || this.kinds.has(kind);
      if (!chip) {
        if (!isShown) continue;
        const number = el('b');
        const button = el('button', { type: 'button', class: 'chip', 'data-kind': kind,
          onclick: () => this.toggle(kind) },
        el('span', { class: 'soft', 'aria-hidden': 'true' }, letter), kind, number);
        chip = { button, number };
        this.chipOf.set(kind, chip);
        this.chips.append(button);
      }
      chip.button.hidden = !isShown;
      chip.button.style.order = String([...KINDS.keys()].indexOf(kind));
      setText(chip.number, count(counts.get(kind) ?? 0));
      setAttribute(chip.button, 'aria-pressed', String(this.kinds.has(kind)));
    }
  }

  /** @param {string} kind */
  toggle(kind) {
    const kinds = new Set(this.kinds);
    if (!kinds.delete(kind)) kinds.add(kind);
    this.wishes({ kind: [...kinds].join(',') });
  }
}
