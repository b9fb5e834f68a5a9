// The view of all attempts over time: tools, the picture, the chosen attempt in words, and the keys.
import { el, setAttribute, setText } from './dom.js';
import { count, dateOf, millis, plural, span, timeOfDay } from './format.js';
import { livesOf } from './timeline_bars.js';
import { TimelineList } from './timeline_list.js';
import { TimelineTable } from './timeline_table.js';
import { barWords } from './timeline_words.js';
import { moved, within, zoomed } from './timeline_scale.js';
import { hashOf, memberHash } from './route.js';
import { survey } from './recording_survey.js';

/** Bars are made anew this often at most, and a live job's at least so often as the second. */
const BUILD_EVERY_MS = 1000;
const STALE_MS = 3000;
/** A range that changes all the time is written to the address when it rests. */
const ADDRESS_MS = 300;
const PAN = 0.2;
const ZOOM = 1.6;
/** The chips: what they filter by, their letter and their kind. */
const CHIPS = [
  ['died', 'D', 'died'], ['failed', 'E', 'failed'], ['stalled', 'X', 'stalled'], ['returned', 'R', 'returned'],
  ['running', 'W', 'recovered'], ['finished', 'F', 'finished'],
];

/** @typedef {import('./timeline_bars.js').Bar} Bar */

export class Timeline {
  /** @param {import('./app.js').App} app @param {HTMLElement} main */
  constructor(app, main) {
    this.app = app;
    [this.builtAt, this.built, this.shown, this.timer, this.due, this.isSurveyed] = [-Infinity, '', '', 0, 0, false];
    /** @type {import('./timeline_bars.js').Lives|null} */
    this.lives = null;
    /** What is zoomed to; null is the whole. @type {{ from: number, to: number }|null} */
    this.zoom = null;
    this.list = new TimelineList(app, {
      open: (bar) => this.open(bar), range: (range) => this.setRange(range), seek: (at) => app.recording?.seek(at),
    });
    this.table = new TimelineTable();
    this.filter = el('input', { type: 'search', placeholder: 'filter: node, attempt, end', spellcheck: 'false',
      autocomplete: 'off', 'aria-label': 'Filter by node, attempt or end', maxlength: '200' });
    this.filter.addEventListener('input', () => this.filtered(this.filter.value));
    const button = (/** @type {string} */ text, /** @type {string} */ name, /** @type {string} */ key) => el('button',
      { type: 'button', class: 'plain', 'aria-label': text.length > 1 ? null : name, title: `${name}: key ${key}`,
        onclick: () => this.zoomKey(key) }, text);
    this.rangeWords = el('span', { class: 'soft mono range-words' });
    this.result = el('span', { class: 'result', role: 'status' });
    this.chips = el('div', { class: 'chips', role: 'group', 'aria-label': 'What happened' });
    this.chipOf = new Map(CHIPS.map(([word, letter, kind]) => [word, this.chip(word, letter, kind)]));
    this.link = el('a', { class: 'name mono' });
    this.words = el('span');
    this.detail = el('p', { class: 'detail' }, this.link, ' ', this.words);
    this.empty = el('p', { class: 'empty' });
    this.root = el('div', { class: 'view strips timeline' }, el('h1', { class: 'hidden' }, 'Timeline'),
      el('div', { class: 'tools', role: 'search' }, el('span', { class: 'grow' }, this.filter),
        button('−', 'show more time', '-'), button('+', 'show less time', '+'), button('whole', 'show the whole', '0'),
        this.rangeWords, this.result),
      this.chips, this.empty, this.list.element, this.detail, this.table.element);
    main.append(this.root);
    this.routed();
  }

  /** @param {string} word @param {string} letter @param {string} kind */
  chip(word, letter, kind) {
    const number = el('b');
    const button = el('button', { type: 'button', class: 'chip', onclick: () => this.toggle(word) },
      el('span', { class: 'kind', 'data-kind': kind },
        el('span', { class: 'badge', 'aria-hidden': 'true' }, letter)), word, number);
    this.chips.append(button);
    return { button, number };
  }

  end() {
    this.list.end();
    clearTimeout(this.timer);
    clearTimeout(this.due);
  }

  routed() {
    const { query } = this.app.route;
    const [from, to] = [Number(query.get('from') ?? NaN), Number(query.get('to') ?? NaN)];
    this.zoom = from < to ? { from, to } : null;
    const text = (query.get('filter') ?? '').slice(0, 200);
    if (this.filter.value !== text) this.filter.value = text;
    this.shown = '';
    this.app.changed();
  }

  /** All that can be shown. */
  get whole() {
    const { recording, model } = this.app;
    if (recording?.about) return { from: recording.from, to: Math.max(recording.to, recording.from + 1) };
    const from = Math.min(this.lives?.from ?? Infinity, model.time - 1000);
    return { from, to: model.time };
  }

  get range() {
    const { whole } = this;
    // A little room, so that the letters at the end are seen.
    const room = (whole.to - whole.from) * 0.015;
    const all = { from: whole.from - room, to: whole.to + room };
    return this.zoom === null ? all : within(this.zoom, all);
  }

  /** @param {{ from: number, to: number }|null} range */
  setRange(range) {
    this.zoom = range;
    const all = this.range;
    const { whole } = this;
    // To see all of a live job means to follow it.
    if (range && all.to - all.from >= whole.to - whole.from) this.zoom = null;
    else if (range) this.zoom = all;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.address(), ADDRESS_MS);
    this.app.changed();
  }

  address() {
    const text = (/** @type {number|undefined} */ at) => (at === undefined ? '' : String(Math.round(at)));
    const query = { filter: this.filter.value, from: text(this.zoom?.from), to: text(this.zoom?.to) };
    this.app.replace(hashOf(this.app.route.job, 'timeline', query));
  }

  /** @param {string} text */
  filtered(text) {
    if (this.filter.value !== text) this.filter.value = text;
    this.shown = '';
    this.address();
    this.app.changed();
  }

  /** @param {string} word */
  toggle(word) {
    const words = this.filter.value.split(/\s+/).filter((one) => one !== '' && !this.chipOf.has(one.toLowerCase()));
    const isOn = this.filter.value.toLowerCase().split(/\s+/).includes(word);
    this.filtered([...words, ...(isOn ? [] : [word])].join(' '));
  }

  update() {
    const { app } = this;
    const { model, recording } = app;
    const isReady = recording ? recording.about !== null : model.isKnown;
    this.root.hidden = !isReady;
    if (!isReady) return;
    this.build();
    const { list, lives } = this;
    if (!lives) return;
    list.range = this.range;
    list.now = this.whole.to;
    list.cursor = recording ? recording.wanted ?? recording.time : null;
    this.filterBars(lives);
    list.draw();
    const { from, to } = list.range;
    const whole = this.zoom === null ? this.whole : { from, to };
    setText(this.rangeWords, `${timeOfDay(whole.from)} – ${timeOfDay(whole.to)} (${span(whole.to - whole.from)})`);
    setAttribute(this.rangeWords, 'title', `${dateOf(whole.from)} to ${dateOf(whole.to)}`);
    this.updateDetail();
    const { first, rows } = list.visible;
    if (!this.table.update(lives, list.bars, first, rows, list.range, list.now)) this.later();
    if (recording && !this.isSurveyed) {
      this.isSurveyed = true;
      survey(recording, model.sightings, () => app.changed());
    }
  }

  /** What comes too often is shown when its time is over, even if nothing happens then. */
  later() {
    if (this.due !== 0) return;
    this.due = window.setTimeout(() => {
      this.due = 0;
      this.app.changed();
    }, BUILD_EVERY_MS);
  }

  /** Makes the bars if something is new. */
  build() {
    const { model, recording, actions } = this.app;
    const now = performance.now();
    const parts = [model.sightings.version, recording ? 0 : model.events.version, recording ? 0 : model.generation,
      actions?.version ?? 0];
    const key = parts.join(' ');
    const isStale = !recording && now - this.builtAt >= STALE_MS;
    if (this.lives && key === this.built && !isStale) return;
    if (this.lives && now - this.builtAt < BUILD_EVERY_MS) {
      this.later();
      return;
    }
    [this.built, this.builtAt] = [key, now];
    const events = recording?.about?.events
      ?? model.events.entries.map(({ event }) => ({ at: millis(event.time), event }));
    this.lives = livesOf(events, model, { from: recording?.from ?? NaN, isLive: this.app.isLive,
      kills: actions?.kills() ?? [] });
    this.shown = '';
  }

  /** @param {import('./timeline_bars.js').Lives} lives */
  filterBars(lives) {
    if (this.shown !== '') return;
    this.shown = 'shown';
    const words = this.filter.value.toLowerCase().split(/\s+/).filter((word) => word !== '' && word !== '-');
    const bars = words.length === 0 ? lives.bars : lives.bars.filter(({ search }) => words.every((word) => (
      word.startsWith('-') ? !search.includes(word.slice(1)) : search.includes(word))));
    this.list.show(lives, bars);
    this.empty.hidden = bars.length > 0;
    this.list.element.hidden = bars.length === 0;
    setText(this.empty, lives.bars.length === 0 ? 'No member yet.' : 'No attempt matches the filter.');
    const tasks = lives.tasks < lives.bars.length ? ` of ${plural(lives.tasks, 'task')}` : '';
    setText(this.result, words.length === 0 ? `${plural(lives.bars.length, 'attempt')}${tasks}`
      : `${count(bars.length)} of ${plural(lives.bars.length, 'attempt')}`);
    for (const [word, { button, number }] of this.chipOf) {
      const found = lives.bars.filter(({ search }) => search.split('\n').includes(word)).length;
      button.hidden = found === 0 && !words.includes(word);
      setText(number, count(found));
      setAttribute(button, 'aria-pressed', String(words.includes(word)));
    }
  }

  updateDetail() {
    const bar = this.list.bars[this.list.positionOf(this.app.selected)];
    this.detail.hidden = this.list.bars.length === 0;
    this.link.hidden = !bar;
    if (!bar) {
      const click = this.app.recording ? ' A click on the axis goes to that moment.' : '';
      setText(this.words, 'Up and down choose an attempt, Enter opens it. Drag or arrows move in time. The keys + and '
        + `-, the wheel over the axis, or a drag along it change how much time is shown.${click}`);
      return;
    }
    setText(this.link, bar.name);
    setAttribute(this.link, 'href', memberHash(this.app.route.job, bar.node));
    setText(this.words, barWords(bar, this.list.now));
  }

  /** @param {Bar} bar */
  open(bar) {
    const { app } = this;
    app.selected = bar.node;
    const { recording } = app;
    const time = recording?.wanted ?? recording?.time ?? 0;
    // At a moment at which the member was not there, its view would be empty.
    if (recording && (time < bar.from || time > bar.to)) recording.seek(time < bar.from ? bar.from : bar.to);
    app.go(memberHash(app.route.job, bar.node));
  }

  /** @param {string} key @returns {boolean} */
  zoomKey(key) {
    const { range } = this;
    const { cursor } = this.list;
    const isInside = cursor !== null && cursor > range.from && cursor < range.to;
    const at = isInside ? cursor : (range.from + range.to) / 2;
    const { whole } = this;
    const length = range.to - range.from;
    switch (key) {
      case '+': case '=': this.setRange(zoomed(range, 1 / ZOOM, at)); break;
      case '-': this.setRange(zoomed(range, ZOOM, at)); break;
      case '0': this.setRange(null); break;
      case 'ArrowLeft': this.setRange(moved(range, -PAN)); break;
      case 'ArrowRight': this.setRange(moved(range, PAN)); break;
      case 'Home': this.setRange({ from: whole.from, to: whole.from + length }); break;
      case 'End': this.setRange({ from: whole.to - length, to: whole.to }); break;
      default: return false;
    }
    const shown = this.range;
    this.app.say(`${timeOfDay(shown.from)} to ${timeOfDay(shown.to)}`);
    return true;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (this.zoomKey(event.key)) return true;
    const page = Math.max(1, this.list.visible.rows - 2);
    const steps = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (step !== undefined) {
      const bar = this.list.move(step);
      if (bar) {
        this.app.selected = bar.node;
        this.app.say(`${bar.name}: ${barWords(bar, this.list.now)}`);
        this.app.frame();
        this.app.changed();
      }
      return true;
    }
    if (event.key === 'Escape' && (this.zoom !== null || this.filter.value !== '')) {
      this.setRange(null);
      this.filtered('');
      return true;
    }
    const isOnControl = event.target instanceof Element && event.target.closest('a, button') !== null;
    if (event.key !== 'Enter' || isOnControl) return false;
    const bar = this.list.bars[this.list.positionOf(this.app.selected)];
    if (bar) this.open(bar);
    return Boolean(bar);
  }
}
