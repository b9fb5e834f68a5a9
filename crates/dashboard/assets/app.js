// Starts the page: follows a job, shows the view that the address names, and routes keys.
import { JobModel } from './model.js';
import { Stream } from './stream.js';
import { Recording } from './recording.js';
import { embeddedJobs, embeddedRecording, servedRecording } from './recording_source.js';
import { ReplayBar } from './replay_bar.js';
import { MomentAddress } from './moment_address.js';
import { showStatus } from './status_line.js';
import { Actions } from './actions.js';
import { Palette } from './draw.js';
import { Announcer } from './announce.js';
import { hashOf, isReport, memberHash, parseRoute } from './route.js';
import { clean } from './format.js';
import { el, setAttribute, setText } from './dom.js';
import { worst } from './list.js';
import { handleKey, openHelp } from './keys.js';
import { Overview } from './overview.js';
import { Strips } from './strips.js';
import { MemberView } from './member.js';
import { Events } from './events.js';
import { Timeline } from './timeline.js';
import { ClusterView } from './cluster.js';
import { NodesView } from './nodes.js';
import { Jobs } from './jobs.js';

/** How often the list of jobs is asked for; sooner while there is none. */
const JOBS_EVERY_MS = 10_000;
const JOBS_SOON_MS = 2000;
/** How often a view is drawn while a recording is played faster than this machine can. */
const LATE_DRAW_MS = 150;
const VIEWS = { jobs: Jobs, overview: Overview, strips: Strips, member: MemberView, events: Events,
  timeline: Timeline, cluster: ClusterView, nodes: NodesView };

/**
 * @typedef {{ update(): void, routed?(): void, jumped?(): void, themed?(): void, key?(event: KeyboardEvent): boolean,
 *   end?(): void, status?(): import('./status_line.js').Status }} View `jumped`: a recording shows another moment;
 *   `status`: what the header says, if the view belongs to no job
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
    /** The address of YARN's own pages, if it is known. */
    this.yarn = '';
    this.areJobsKnown = false;
    /** Which reports the server has that belong to no job. */
    this.has = { cluster: false, nodes: false };
    this.route = parseRoute(location.hash);
    /** Whether there are streams; otherwise there are recordings. */
    this.isLive = true;
    /** The recordings of an exported page. */
    this.embedded = embeddedJobs();
    /** @type {Stream|Recording|null} */
    this.source = null;
    /** @type {Recording|null} */
    this.recording = null;
    /** @type {ReplayBar|null} */
    this.bar = null;
    /** @type {MomentAddress|null} */
    this.moment = null;
    /** Null unless the server allows actions. @type {Actions|null} */
    this.actions = null;
    this.allowsActions = false;
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
    this.drawnAt = 0;
  }

  start() {
    window.addEventListener('hashchange', () => {
      const moment = MomentAddress.wanted();
      this.routed();
      if (moment !== null) this.recording?.seek(moment);
    });
    document.addEventListener('themechange', () => {
      this.palette.read();
      this.view?.themed?.();
      this.changed();
    });
    document.addEventListener('keydown', (event) => handleKey(this, event));
    this.button('theme', () => window.heartlineTheme.toggle());
    this.button('help', () => openHelp(this));
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
    return new URL(path, new URL('.', document.baseURI)).href;
  }

  async loadJobs() {
    let next = JOBS_SOON_MS;
    try {
      const told = this.embedded ? { jobs: this.embedded, is_live: false } : await this.askJobs();
      this.jobsProblem = '';
      this.areJobsKnown = true;
      this.isLive = told.is_live !== false;
      this.allowsActions = told.allows_actions === true && this.isLive;
      this.has = { cluster: told.has_cluster === true && this.isLive, nodes: told.has_nodes === true && this.isLive };
      this.yarn = typeof told.yarn === 'string' ? told.yarn : '';
      const jobs = Array.isArray(told.jobs) ? told.jobs : [];
      this.takeJobs(jobs.map(({ id, namespace }) => ({ id, namespace })));
      // Recordings stay as they are.
      if (!this.isLive) return;
      if (this.jobs.length > 0) next = JOBS_EVERY_MS;
    } catch (error) {
      this.jobsProblem = clean(error instanceof Error ? error.message : error);
    }
    this.changed();
    setTimeout(() => this.loadJobs(), next);
  }

  async askJobs() {
    const answer = await fetch(this.url('api/v1/jobs'), { cache: 'no-store' });
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    return answer.json();
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
    this.connect();
    this.act();
    this.frame();
    this.changed();
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

  /** The job that the links lead to: the last one, in a view that belongs to none. */
  get job() {
    if (!isReport(this.route.view)) return this.route.job;
    return this.followed ?? this.jobs[0]?.id ?? null;
  }

  /** The address of a view of this job. @param {string} view */
  hash(view) {
    const { job } = this;
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
    // A view that belongs to no job leaves the job as it is.
    if (job !== this.followed && !isReport(view)) this.follow(job);
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
    // The jobs of one recording lie beside one another in time.
    const before = this.recording?.about ? this.recording.time : null;
    this.source?.close();
    this.bar?.end();
    this.moment?.close();
    this.actions?.close();
    this.actions = null;
    [this.source, this.recording, this.bar, this.moment] = [null, null, null, null];
    this.followed = job;
    this.model = new JobModel(() => this.recording?.time ?? Date.now());
    this.selected = null;
    this.stripsQuery = '';
    // A view keeps parts of the old job's members.
    this.viewName = '';
    this.link = { state: 'waiting', since: null };
    this.connect(before);
    this.act();
  }

  /** Follows the actions of the job, if the server allows some. */
  act() {
    const job = this.followed;
    const isWanted = this.allowsActions && job !== null && this.source !== null;
    if (!isWanted) {
      this.actions?.close();
      this.actions = null;
    } else if (this.actions === null) {
      this.actions = new Actions((path) => this.url(path), job, () => this.changed());
    }
  }

  /** Follows the job's stream, or opens its recording, once it is known which of them there is. */
  connect(/** @type {number|null} */ before = null) {
    const job = this.followed;
    if (job === null || this.source !== null || !this.jobs.some((one) => one.id === job)) return;
    const listener = this.listener();
    this.announcer.restart(!this.isLive);
    if (this.isLive) {
      this.source = new Stream(this.url(`api/v1/jobs/${job}/stream`), listener);
      return;
    }
    const embedded = this.embedded?.find((one) => one.id === job);
    const source = embedded ? embeddedRecording(embedded) : servedRecording((path) => this.url(path), job);
    this.recording = new Recording(source, listener, this.route.at ?? before);
    this.source = this.recording;
    this.bar = new ReplayBar(this, this.recording);
    this.moment = new MomentAddress();
  }

  /** What is done with each message of a job. @returns {import('./recording.js').RecordingListener} */
  listener() {
    const { model } = this;
    return {
      snapshot: (message) => { model.snapshot(message); this.changed(); },
      tick: (message) => { model.tick(message); this.changed(); },
      event: (message) => {
        const entry = model.event(message);
        if (entry && !this.recording?.isSeeking) this.announcer.heard(entry.event);
        this.changed();
      },
      away: (message) => { model.away(message); this.changed(); },
      link: (state, since) => { this.link = { state, since }; this.changed(); },
      restart: () => { model.restart(); this.announcer.restart(true); },
      moved: (isJump) => {
        if (isJump) this.view?.jumped?.();
        this.changed();
      },
    };
  }

  /** Something changed: draw once before the next frame. */
  changed() {
    if (this.isScheduled) return;
    this.isScheduled = true;
    requestAnimationFrame(() => {
      this.isScheduled = false;
      showStatus(this);
      this.bar?.update();
      if (this.recording?.about) this.moment?.show(this.recording.wanted ?? this.recording.time);
      // On the way to another moment of a recording, nothing is drawn.
      if (this.recording?.isSeeking) return;
      const now = performance.now();
      if (this.recording?.isLate && now - this.drawnAt < LATE_DRAW_MS) return;
      this.drawnAt = now;
      this.view?.update();
    });
  }

  /** The parts around the view that depend on the address. */
  frame() {
    const { job, route: { view } } = this;
    const select = this.jobSelect();
    const known = this.jobs.find((one) => one.id === job);
    if (select.parentElement) select.parentElement.hidden = job === null || !known;
    if (known) select.value = String(known.id);
    let isAnyShown = false;
    for (const link of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('#views a'))) {
      const name = link.getAttribute('data-view') ?? '';
      link.hidden = isReport(name) ? !this.has[/** @type {'cluster'|'nodes'} */ (name)] : job === null;
      isAnyShown ||= !link.hidden;
      setAttribute(link, 'href', this.hash(name));
      setAttribute(link, 'aria-current', name === view ? 'page' : null);
    }
    /** @type {HTMLElement} */ (document.getElementById('views')).hidden = !isAnyShown;
    const subject = view === 'member' && this.route.node !== null ? clean(this.route.node, 60) : view;
    document.title = `${subject} · ${known && !isReport(view) ? `${clean(known.namespace, 60)} · ` : ''}heartline`;
  }

  /** Says to screen readers which member is chosen. @param {string} words */
  say(words) {
    setText(/** @type {HTMLElement} */ (document.getElementById('selection')), words);
  }
}

new App().start();
