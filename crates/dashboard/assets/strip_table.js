// The same facts as the strips, as a table with pages.
import { isEnded } from './states.js';
import { el, setText } from './dom.js';
import { StateMark, memberLink, stripWords } from './parts.js';
import { clean, count, duration, percent, short } from './format.js';

const PAGE = 50;

export class StripTable {
  /** @param {import('./app.js').App} app @param {(page: number) => void} turned */
  constructor(app, turned) {
    this.app = app;
    this.page = 1;
    this.pages = 1;
    /** @type {number[]} */
    this.shown = [];
    this.rows = [];
    this.body = el('tbody');
    const heads = ['state', 'member', 'host', 'attempt', 'records/s', 'progress', 'lag', 'last minute'];
    const head = heads.map((text, at) => el('th', { scope: 'col', class: at >= 4 && at <= 6 ? 'number' : null }, text));
    this.back = el('button', { type: 'button', class: 'plain', onclick: () => turned(this.page - 1) }, '‹ before');
    this.next = el('button', { type: 'button', class: 'plain', onclick: () => turned(this.page + 1) }, 'next ›');
    this.where = el('span', { class: 'soft' });
    this.element = el('div', { class: 'panel list' },
      el('div', { class: 'as-table', tabindex: '0', role: 'region', 'aria-label': 'Members as a table' },
        el('table', {}, el('caption', { class: 'hidden' }, 'Members'), el('thead', {}, el('tr', {}, ...head)),
          this.body)),
      el('div', { class: 'pages' }, this.back, this.where, this.next));
  }

  /** @param {import('./list.js').Listing} listing @param {number} page from 1 */
  show(listing, page) {
    const members = listing.groups.length === 0 ? listing.rows : listing.rows.filter((entry) => entry >= 0);
    this.pages = Math.max(1, Math.ceil(members.length / PAGE));
    this.page = Math.min(Math.max(1, page), this.pages);
    this.shown = [...members.slice((this.page - 1) * PAGE, this.page * PAGE)];
    const first = members.length === 0 ? 0 : (this.page - 1) * PAGE + 1;
    const last = first === 0 ? 0 : first + this.shown.length - 1;
    setText(this.where, `${count(first)} to ${count(last)} of ${count(members.length)}`);
    this.back.disabled = this.page <= 1;
    this.next.disabled = this.page >= this.pages;
    this.update();
  }

  update() {
    const { model } = this.app;
    while (this.rows.length < this.shown.length) this.rows.push(this.row());
    const elements = [];
    this.shown.forEach((index, at) => {
      const member = model.members[index];
      if (!member) return;
      const { element, link, mark, cells } = this.rows[at];
      link.set(member);
      mark.set(model.states[index], model.verdict(member));
      const { row } = member;
      const rate = isEnded(model.states[index]) ? '–' : short(row.records_per_second);
      const texts = [clean(row.host, 60), clean(row.attempt, 80), rate, percent(row.progress),
        duration(model.lag(index)), stripWords(this.app, index)];
      texts.forEach((text, place) => setText(cells[place], text || '–'));
      elements.push(element);
    });
    if (elements.length !== this.body.childElementCount) this.body.replaceChildren(...elements);
  }

  row() {
    const [link, mark] = [memberLink(this.app), new StateMark()];
    const cells = Array.from({ length: 6 }, (_, at) => el('td', { class: at >= 2 && at <= 4 ? 'number' : null }));
    const element = el('tr', {}, el('td', {}, mark.element), el('td', {}, link.element), ...cells);
    return { element, link, mark, cells };
  }
}
