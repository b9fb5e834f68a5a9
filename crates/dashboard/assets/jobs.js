// The list of jobs that this server follows; shown if there are several, or none.
import { clean } from './format.js';
import { el, setText } from './dom.js';
import { hashOf } from './route.js';

export class Jobs {
  /** @param {import('./app.js').App} app @param {HTMLElement} main */
  constructor(app, main) {
    this.app = app;
    this.shown = '';
    this.list = el('ul');
    this.empty = el('p', { class: 'empty' });
    main.append(el('section', { class: 'panel jobs' }, el('h1', {}, 'Jobs'), this.list, this.empty));
  }

  update() {
    const { jobs, areJobsKnown } = this.app;
    this.empty.hidden = jobs.length > 0;
    setText(this.empty, areJobsKnown ? 'This server follows no job yet.' : 'Asking the server …');
    const key = JSON.stringify(jobs);
    if (key === this.shown) return;
    this.shown = key;
    this.list.replaceChildren(...jobs.map((job) => el('li', {},
      el('a', { class: 'mono', href: hashOf(job.id) }, clean(job.namespace) || '/'))));
  }
}
