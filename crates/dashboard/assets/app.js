// Starts the page: follows a job, shows the view that the address names, and routes keys.
import { JobModel } from './model.js';
import { Stream } from './stream.js';
import { Palette } from './draw.js';
import { Announcer } from './announce.js';
import { hashOf, memberHash, parseRoute } from './route.js';
import { clean, clock } from './format.js';
import { el, setAttribute, setText } from './dom.js';
import { worst } from './list.js';
import { handleKey, openHelp } from './keys.js';
import { Overview } from './overview.js';
import { Strips } from './strips.js';
import { MemberView } from './member.js';
import { Events } from './events.js';
import { Jobs } from './jobs.js';

/** How often the list of jobs is asked for; sooner while there is none. */
const JOBS_EVERY_MS = 10_000;
const JOBS_SOON_MS = 2000;
const VIEWS = { jobs: Jobs, overview: Overview, strips: Strips, member: MemberView, events: Events };

/**
 * @typedef {{ update(): void, routed?(): void, themed?(): void, key?(event: KeyboardEvent): boolean,
 *   end?(): void }} View
 */

export class App {
  constructor() {
    this.main = /** @type {HTMLElement} */ (document.getElementById('main'));
    this.palette = new Palette();
    this.announcer = new Announcer();
    this.model = new JobModel();
    /** @type {{ id: number, namespace: string }[]} */
    this.jobs = [];
    this.jobsProblem = '';
    this.areJobsKnown = false;
    this.route = parseRoute(location.hash);
    /** @type {Stream|null} */
    this.stream = null;
    /** @type {number|null} the job that is followed */
    this.followed = null;
    /** @type {View|null} */
    this.view = null;
    this.viewName = '';
    /** The name of the member that was chosen last. @type {string|null} */
    this.selected = null;
    /** The query of the strips as it was last, so that Esc and `2` go back to it. */
    this.stripsQuery = '';
    this.link = { state: 'waiting', since: /** @type {string|null} */ (null) };
    this.isScheduled = false;
  }

  start() {
    window.addEventListener('hashchange', () => this.routed());
    document.addEventListener('themechange', () => {
      this.palette.read();
      this.view?.themed?.();
      this.changed();
    });
    document.addEventListener('keydown', (event) => handleKey(this, event));
    this.button('theme', () => window.heartlineTheme.toggle());
    this.button('help', () => openHelp());
    document.getElementById('skip')?.addEventListener('click', (event) => {
      event.preventDefault();
      this.main.focus();
    });
    const select = this.jobSelect();
    select.addEventListener('change', () => this.go(hashOf(Number(select.value))));
    this.routed();
    this.loadJobs();
  }

  /** @param {string} id @param {() => void} act */
  button(id, act) {
    document.getElementById(id)?.addEventListener('click', act);
  }

  jobSelect() {
    return /** @type {HTMLSelectElement} */ (document.getElementById('job'));
  }

  /** The address of an interface, relative to the page's own. @param {string} path */
  url(path) {
    return new URL(path, new URL('.', import.meta.url)).href;
  }

  async loadJobs() {
    let next = JOBS_SOON_MS;
    try {
      const answer = await fetch(this.url('api/v1/jobs'), { cache: 'no-store' });
      if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
      const { jobs } = await answer.json();
      this.jobsProblem = '';
      this.areJobsKnown = true;
      this.takeJobs(Array.isArray(jobs) ? jobs : []);
      if (this.jobs.length > 0) next = JOBS_EVERY_MS;
    } catch (error) {
      this.jobsProblem = clean(error instanceof Error ? error.message : error);
    }
    this.changed();
    setTimeout(() => this.loadJobs(), next);
  }

  /** @param {{ id: number, namespace: string }[]} jobs */
  takeJobs(jobs) {
    const key = (/** @type {{ id: number, namespace: string }[]} */ list) => JSON.stringify(list);
    if (key(jobs) !== key(this.jobs) || jobs.length === 0) {
      this.jobs = jobs;
      const options = jobs.map((job) => el('option', { value: job.id }, clean(job.namespace, 100) || '/'));
      this.jobSelect().replaceChildren(...options);
    }
    // One job needs no list.
    if (this.route.view === 'jobs' && jobs.length === 1) location.replace(hashOf(jobs[0].id));
    this.frame();
  }

  /** @param {string} hash */
  go(hash) {
    if (location.hash === hash) this.routed();
    else location.hash = hash;
  }

  /** Changes the address without a new entry in the history. @param {string} hash */
  replace(hash) {
    history.replaceState(null, '', hash);
    this.route = parseRoute(hash);
    this.frame();
  }

  /** The address of a view of this job. @param {string} view */
  hash(view) {
    const { job } = this.route;
    if (view === 'strips') {
      const query = job === null || this.stripsQuery === '' ? '' : `?${this.stripsQuery}`;
      return hashOf(job, view) + query;
    }
    if (view !== 'member') return hashOf(job, view);
    const node = this.selected ?? this.model.members[worst(this.model, 1)[0] ?? 0]?.node;
    return node === undefined ? hashOf(job, view) : memberHash(job, node);
  }

  routed() {
    this.route = parseRoute(location.hash);
    const { job, view, node } = this.route;
    if (view === 'jobs' && this.jobs.length === 1) {
      location.replace(hashOf(this.jobs[0].id));
      return;
    }
    if (job !== this.followed) this.follow(job);
    if (node !== null) this.selected = node;
    if (view !== this.viewName) {
      this.view?.end?.();
      this.main.replaceChildren();
      this.main.scrollTop = 0;
      this.viewName = view;
      this.main.dataset.view = view;
      this.view = new VIEWS[view](this, this.main);
    } else {
      this.view?.routed?.();
    }
    this.frame();
    this.changed();
  }

  /** @param {number|null} job */
  follow(job) {
    this.stream?.close();
    this.stream = null;
    this.followed = job;
    this.model = new JobModel();
    this.selected = null;
    this.stripsQuery = '';
    // A view keeps parts of the old job's members.
    this.viewName = '';
    this.link = { state: 'waiting', since: null };
    if (job === null) return;
    const { model } = this;
    this.stream = new Stream(this.url(`api/v1/jobs/${job}/stream`), {
      snapshot: (message) => { model.snapshot(message); this.changed(); },
      tick: (message) => { model.tick(message); this.changed(); },
      event: (message) => {
        const entry = model.event(message);
        if (entry) this.announcer.heard(entry.event);
        this.changed();
      },
      away: (message) => { model.away(message); this.changed(); },
      link: (state, since) => { this.link = { state, since }; this.changed(); },
    });
  }

  /** Something changed: draw once before the next frame. */
  changed() {
    if (this.isScheduled) return;
    this.isScheduled = true;
    requestAnimationFrame(() => {
      this.isScheduled = false;
      this.status();
      this.view?.update();
    });
  }

  /** The connection, and the notice if something is away. */
  status() {
    const { model, link } = this;
    let [state, words, notice] = ['live', 'live', ''];
    if (this.route.job === null) {
      [state, words] = [this.jobsProblem === '' ? 'live' : 'broken', this.jobsProblem === '' ? 'ready' : 'server away'];
      if (this.jobsProblem !== '') notice = `The server does not answer: ${this.jobsProblem}. The page asks again.`;
    } else if (this.areJobsKnown && this.jobsProblem === '' && !this.jobs.some((one) => one.id === this.route.job)) {
      [state, words] = ['broken', 'no such job'];
      notice = `This server follows no job with the number ${this.route.job}. The name of the page leads to all jobs.`;
    } else if (link.state === 'broken') {
      [state, words] = ['broken', 'server away'];
      notice = `The server is away since ${clock(link.since)}. The page shows the last picture, and connects again.`;
    } else if (link.state === 'waiting') {
      [state, words] = ['waiting', 'connecting'];
    } else if (model.zookeeperAway !== null) {
      [state, words] = ['away', 'ZooKeeper away'];
      const problem = model.problem === '' ? '' : `: ${model.problem}`;
      notice = `ZooKeeper away since ${clock(model.zookeeperAway)}${problem}. The page shows the last picture.`;
    }
    const element = /** @type {HTMLElement} */ (document.getElementById('link'));
    setAttribute(element, 'data-link', state);
    setText(/** @type {HTMLElement} */ (document.getElementById('link-text')), words);
    const box = /** @type {HTMLElement} */ (document.getElementById('notice'));
    setText(box, notice);
    box.hidden = notice === '';
    document.body.classList.toggle('is-away', notice !== '');
    document.body.classList.toggle('is-unknown', this.route.job !== null && !model.isKnown && notice === '');
    setText(/** @type {HTMLElement} */ (document.getElementById('theme')),
      window.heartlineTheme.current() === 'dark' ? '☾ dark' : '☀ light');
  }

  /** The parts around the view that depend on the address. */
  frame() {
    const { job, view } = this.route;
    const select = this.jobSelect();
    const known = this.jobs.find((one) => one.id === job);
    if (select.parentElement) select.parentElement.hidden = job === null || !known;
    /** @type {HTMLElement} */ (document.getElementById('views')).hidden = job === null;
    if (known) select.value = String(known.id);
    for (const link of document.querySelectorAll('#views a')) {
      const name = link.getAttribute('data-view') ?? '';
      setAttribute(link, 'href', this.hash(name));
      setAttribute(link, 'aria-current', name === view ? 'page' : null);
    }
    const names = { jobs: 'jobs', overview: 'overview', strips: 'strips', events: 'events', member: 'member' };
    const subject = view === 'member' && this.route.node !== null ? clean(this.route.node, 60) : names[view];
    document.title = `${subject} · ${known ? `${clean(known.namespace, 60)} · ` : ''}heartline`;
  }

  /** Says to screen readers which member is chosen. @param {string} words */
  say(words) {
    setText(/** @type {HTMLElement} */ (document.getElementById('selection')), words);
  }
}

new App().start();
