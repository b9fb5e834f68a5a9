// The panel of the last actions in the overview, with the button that sets the interval.
import { clean, clock } from './format.js';
import { el, setText } from './dom.js';
import { askInterval } from './action_questions.js';
import { memberHash } from './route.js';

const ROWS = 8;

export class ActionsPanel {
  /** @param {import('./app.js').App} app */
  constructor(app) {
    this.app = app;
    this.shown = '';
    this.list = el('ol', { class: 'event-list' });
    this.empty = el('p', { class: 'empty' });
    const button = el('button', { type: 'button', class: 'plain', onclick: () => askInterval(app) },
      'Set the interval…');
    this.element = el('section', { class: 'panel wide', 'aria-labelledby': 'h-actions' },
      el('div', { class: 'panel-head' }, el('h2', { id: 'h-actions' }, 'Last actions'), button), this.list, this.empty);
    this.element.hidden = true;
  }

  update() {
    const { actions, route } = this.app;
    this.element.hidden = actions === null;
    if (!actions) return;
    const key = `${route.job} ${actions.version} ${actions.problem}`;
    if (key === this.shown) return;
    this.shown = key;
    const last = actions.list.slice(-ROWS).reverse();
    this.list.replaceChildren(...last.map((action) => this.row(action)));
    this.empty.hidden = last.length > 0 && actions.problem === '';
    setText(this.empty, actions.problem === '' ? 'Nobody has done anything yet.'
      : `The actions cannot be read: ${actions.problem}. The page asks again.`);
  }

  /** @param {import('./actions.js').Action} action */
  row({ time, by, action, node, result, is_error: isError }) {
    const what = el('span', { class: 'what' });
    if (typeof node === 'string' && node !== '') {
      what.append(el('a', { class: 'name mono', href: memberHash(this.app.route.job, node) }, clean(node, 90)), ' ');
    }
    const who = el('span', { class: 'soft' }, `by ${clean(by, 80)}`);
    what.append(`${isError ? 'not done: ' : ''}${clean(result)} `, who);
    return el('li', { class: 'event-row' },
      el('time', { class: 'soft mono', title: clean(time) || null }, clock(time, true)),
      el('span', { class: 'kind', 'data-kind': isError ? 'lost' : 'claimed' },
        el('span', { class: 'badge', 'aria-hidden': 'true' }, isError ? '!' : '✓'), clean(action, 40)),
      what);
  }
}
