// The overview: the master, sums, members by state, the worst and the slowest members, and the last events.
import { BY_RANK, FINISHED, GONE, STATES } from './states.js';
import { clean, clock, count, duration, millis, plural, short } from './format.js';
import { Sizes, el, fitted, setAttribute, setText } from './dom.js';
import { drawLine, drawStack } from './draw.js';
import { StateMark, badge, drawSmallStrip, memberLink, stripWords } from './parts.js';
import { eventRow, wentWords } from './event_row.js';
import { slowest, worst } from './list.js';
import { beatingMembers } from './model_sums.js';
import { ActionsPanel } from './actions_panel.js';
import { hashOf, memberHash } from './route.js';

/** @typedef {import('./app.js').App} App */

const ROWS = 6;
const EVENTS = 10;
/** The tables are sorted anew this often, so that a person can read and click. */
const TABLES_EVERY_MS = 1000;
/** From the lowest layer to the highest: what is bad lies on top. */
const LAYERS = [...BY_RANK].reverse().filter((state) => state !== GONE && state !== FINISHED);

export class Overview {
  /** @param {App} app @param {HTMLElement} main */
  constructor(app, main) {
    this.app = app;
    this.tablesAt = 0;
    this.shownEvents = '';
    this.sizes = new Sizes(() => app.changed());
    this.actions = new ActionsPanel(app);
    this.root = el('div', { class: 'view overview' }, el('h1', { class: 'hidden' }, 'Overview'), this.masterPanel(),
      this.numbersPanel(), this.statesPanel(), this.halves(), this.actions.element, this.eventsPanel());
    main.append(this.root);
  }

  end() {
    this.sizes.end();
  }

  jumped() {
    this.tablesAt = 0;
  }

  masterPanel() {
    this.masterNode = el('a', { class: 'master-node' });
    this.masterFacts = new Map();
    const list = el('dl', { class: 'facts' });
    for (const name of ['since', 'before it', 'interval', 'epoch']) {
      const value = el('dd');
      this.masterFacts.set(name, value);
      list.append(el('dt', {}, name), value);
    }
    return el('section', { class: 'panel', 'aria-labelledby': 'h-master' },
      el('h2', { id: 'h-master' }, 'Master'), this.masterNode, list);
  }

  numbersPanel() {
    /** @type {Map<string, { value: any, unit: any, note: any, canvas: any }>} */
    this.figures = new Map();
    const figure = (/** @type {string} */ name, /** @type {string} */ title, /** @type {string} */ unit) => {
      const parts = {
        value: el('span'), unit: el('span', { class: 'unit' }, unit), note: el('span', { class: 'note' }),
        canvas: this.sizes.watch(el('canvas', { 'aria-hidden': 'true' })),
      };
      this.figures.set(name, parts);
      const value = el('span', { class: 'value' }, parts.value, parts.unit);
      return el('div', { class: 'figure' }, el('h2', {}, title), value, parts.note, parts.canvas);
    };
    return el('section', { class: 'panel', 'aria-label': 'Sums' }, el('div', { class: 'numbers' },
      figure('members', 'Members that beat', ''), figure('lag', 'Longest lag', ''),
      figure('beats', 'Beats', '/s'), figure('records', 'Records', '/s')));
  }

  statesPanel() {
    this.tiles = new Map();
    const tiles = el('ul', { class: 'tiles' });
    for (const state of BY_RANK) {
      const { label, meaning } = STATES[state];
      const number = el('span', { class: 'how-many' });
      const link = el('a', { class: 'tile', title: meaning, 'data-state': label }, badge(state), label, number);
      this.tiles.set(state, { link, number });
      tiles.append(el('li', {}, link));
    }
    this.stack = this.sizes.watch(el('canvas', { class: 'stack', role: 'img',
      'aria-label': 'Members by state over the last minute' }));
    this.stackStart = el('span');
    return el('section', { class: 'panel wide', 'aria-labelledby': 'h-states' },
      el('h2', { id: 'h-states' }, 'Members by state'), tiles, this.stack,
      el('div', { class: 'axis', 'aria-hidden': 'true' }, this.stackStart, el('span', {}, 'now')));
  }

  halves() {
    this.worst = this.table('worst', 'Worst', 'No member died, failed, is stalled, late or stuck.', 'lag');
    this.slowest = this.table('slowest', 'Slowest', 'No member tells records a second.', 'records/s');
    return el('div', { class: 'halves wide' }, this.worst.panel, this.slowest.panel);
  }

  /** @param {string} id @param {string} title @param {string} nothing @param {string} value */
  table(id, title, nothing, value) {
    const rows = Array.from({ length: ROWS }, () => {
      const [link, mark, number] = [memberLink(this.app), new StateMark(), el('td', { class: 'number' })];
      const canvas = this.sizes.watch(el('canvas', { role: 'img' }));
      const row = el('tr', {}, el('td', { class: 'state-cell' }, mark.element), el('td', {}, link.element),
        el('td', { class: 'strip-cell' }, canvas), number);
      row.hidden = true;
      return { row, link, mark, canvas, number };
    });
    const table = el('table', { class: 'short' }, el('thead', {}, el('tr', {},
      el('th', { class: 'state-cell', scope: 'col' }, 'state'), el('th', { scope: 'col' }, 'member'),
      el('th', { class: 'strip-cell', scope: 'col' }, 'last minute'),
      el('th', { class: 'number', scope: 'col' }, value))),
    el('tbody', {}, ...rows.map(({ row }) => row)));
    const empty = el('p', { class: 'empty' }, nothing);
    const more = el('a', {}, 'all');
    const panel = el('section', { class: 'panel', 'aria-labelledby': `h-${id}` },
      el('div', { class: 'panel-head' }, el('h2', { id: `h-${id}` }, title), more), table, empty);
    return { panel, rows, table, empty, more, shown: /** @type {number[]} */ ([]) };
  }

  eventsPanel() {
    this.events = el('ol', { class: 'event-list' });
    this.noEvents = el('p', { class: 'empty' }, 'No event yet.');
    this.allEvents = el('a', {}, 'all');
    return el('section', { class: 'panel wide', 'aria-labelledby': 'h-events' },
      el('div', { class: 'panel-head' }, el('h2', { id: 'h-events' }, 'Last events'), this.allEvents),
      this.events, this.noEvents);
  }

  update() {
    const { model, route } = this.app;
    this.root.hidden = !model.isKnown;
    if (!model.isKnown) return;
    this.updateMaster();
    this.updateNumbers();
    for (const [state, { link, number }] of this.tiles) {
      setText(number, count(model.counts[state]));
      link.classList.toggle('is-none', model.counts[state] === 0);
      setAttribute(link, 'href', hashOf(route.job, 'strips', { filter: STATES[state].label }));
    }
    const { width, height } = this.sizes.of(this.stack);
    const context = fitted(this.stack, width, height);
    if (context) drawStack(context, model.history, model.head, LAYERS, { x: 0, y: 0, width, height }, this.app.palette);
    setText(this.stackStart, `${duration(240 * model.period)} ago`);
    this.updateTables();
    this.actions.update();
    this.updateEvents();
  }

  updateMaster() {
    const { model, route } = this.app;
    const { master } = model.job;
    setText(this.masterNode, master ? clean(master.node, 200) : 'nobody is master');
    setAttribute(this.masterNode, 'href', master ? memberHash(route.job, String(master.node)) : null);
    const fact = (/** @type {string} */ name, /** @type {string} */ text) => setText(this.masterFacts.get(name), text);
    const since = model.time - millis(master?.since);
    fact('since', Number.isNaN(since) ? '–' : `${clock(master.since)}, for ${duration(since)}`);
    const { previous } = master ?? {};
    fact('before it', previous ? `${clean(previous.node, 120)}: ${wentWords(previous)}` : master ? 'nobody' : '–');
    fact('epoch', clean(master?.epoch ?? '–', 40));
    const { interval_ms: interval } = model.job;
    fact('interval', typeof interval === 'number' ? `${duration(interval)} between two beats` : '–');
  }

  updateNumbers() {
    const { model, palette } = this.app;
    const { beating, lag, slow } = model.totals;
    const set = (/** @type {string} */ name, /** @type {string} */ value, /** @type {string} */ note) => {
      const parts = this.figures.get(name);
      if (!parts) return;
      setText(parts.value, value);
      setText(parts.note, note);
      setAttribute(parts.note, 'title', note === '' ? null : note);
    };
    const unshown = Number(model.job.unshown) || 0;
    const more = unshown > 0 ? `, ${count(unshown)} not shown` : '';
    set('members', count(beating), `of ${plural(model.members.length, 'known member')}${more}`);
    set('lag', duration(lag), model.members[slow]?.name ?? '');
    set('beats', short(Math.round(model.totals.beats)), beatsNote(model.job, beating));
    const each = beating > 0 ? `${short(model.totals.records / beating)} a member` : '';
    set('records', short(Math.round(model.totals.records)), each);
    const rings = { members: beatingMembers(model), lag: model.lagHistory, beats: model.beatsHistory,
      records: model.recordsHistory };
    for (const [name, ring] of Object.entries(rings)) {
      const canvas = this.figures.get(name)?.canvas;
      const { width, height } = this.sizes.of(canvas);
      const context = fitted(canvas, width, height);
      const box = { x: 0, y: 2, width, height: height - 2 };
      if (context) drawLine(context, model.unrolled(ring), box, palette);
    }
  }

  updateTables() {
    const { model, route } = this.app;
    const now = performance.now();
    const isTime = now - this.tablesAt >= TABLES_EVERY_MS;
    if (isTime) {
      this.tablesAt = now;
      this.worst.shown = worst(model, ROWS);
      this.slowest.shown = slowest(model, ROWS);
    }
    for (const table of [this.worst, this.slowest]) {
      const shown = table.shown.filter((index) => index < model.members.length);
      table.empty.hidden = shown.length > 0;
      table.table.hidden = shown.length === 0;
      table.rows.forEach((parts, at) => {
        parts.row.hidden = at >= shown.length;
        if (at >= shown.length) return;
        const member = model.members[shown[at]];
        parts.link.set(member);
        parts.mark.set(model.states[member.index], model.verdict(member));
        const value = table === this.worst ? duration(model.lag(member.index)) : short(member.row.records_per_second);
        setText(parts.number, value);
        drawSmallStrip(this.app, parts.canvas, member.index, this.sizes.of(parts.canvas));
        if (isTime) setAttribute(parts.canvas, 'aria-label', stripWords(this.app, member.index));
      });
    }
    setAttribute(this.worst.more, 'href', hashOf(route.job, 'strips', { sort: 'state' }));
    setAttribute(this.slowest.more, 'href', hashOf(route.job, 'strips', { sort: 'records' }));
  }

  updateEvents() {
    const { events } = this.app.model;
    const { job } = this.app.route;
    setAttribute(this.allEvents, 'href', hashOf(job, 'events'));
    const key = `${job} ${events.version}`;
    if (key === this.shownEvents) return;
    this.shownEvents = key;
    const last = events.entries.slice(-EVENTS).reverse();
    this.events.replaceChildren(...last.map((entry) => eventRow(job, entry)));
    this.noEvents.hidden = last.length > 0;
  }
}

/** How many beats a second in ZooKeeper are expected of so many members, and allowed. @param {any} job @param {number} beating */
function beatsNote(job, beating) {
  const parts = [];
  if (job.interval_ms > 0) parts.push(`${short((beating * 1000) / job.interval_ms)} expected`);
  const budget = job.master?.beat_budget;
  if (typeof budget === 'number') parts.push(`budget ${short(budget)}`);
  return parts.join(', ');
}
