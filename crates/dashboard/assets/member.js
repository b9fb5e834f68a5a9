// The view of one member: its facts, its last minute, how it compares with the others, its attempts, events and stacks.
import { CELLS } from './model.js';
import { bytes, clean, cleanLines, count, duration, encode, isNumber, percent, short } from './format.js';
import { Sizes, el, fitted, setAttribute, setText } from './dom.js';
import { drawBand, drawHistogram, drawLine, drawStrip } from './draw.js';
import { StateMark, memberLink, stripWords } from './parts.js';
import { attemptsOf, compare, facts } from './member_facts.js';
import { eventRow } from './event_row.js';
import { GROUPS, SORTS, list } from './list.js';
import { memberHash } from './route.js';
import { isEnded } from './states.js';
import { askKill } from './action_questions.js';
import { yarnLinks } from './yarn_links.js';

/** Comparisons and lists are made anew this often. */
const SLOW_EVERY_MS = 1000;
const EVENTS = 50;

export class MemberView {
  /** @param {import('./app.js').App} app @param {HTMLElement} main */
  constructor(app, main) {
    this.app = app;
    this.sizes = new Sizes(() => app.changed());
    this.cells = new Uint8Array(CELLS);
    [this.slowAt, this.shownEvents, this.asked, this.isFirst] = [0, '', '', true];
    this.title = el('h1');
    this.mark = new StateMark();
    this.role = el('span', { class: 'soft' });
    const step = (/** @type {string} */ text, /** @type {number} */ by, /** @type {string} */ key) => el('button',
      { type: 'button', class: 'plain', title: `key ${key}`, onclick: () => this.step(by) }, text);
    this.kill = el('button', { type: 'button', class: 'plain act', onclick: () => {
      const member = app.model.byName(this.node);
      if (member) askKill(app, member);
    } }, 'Kill this attempt…');
    this.missing = el('p', { class: 'panel empty' });
    this.body = el('div', { class: 'view member' },
      el('div', { class: 'column' }, this.factsPanel(), this.attemptsPanel()),
      el('div', { class: 'column' }, this.minutePanel(), this.comparePanel(), this.stacksPanel(), this.eventsPanel()));
    this.root = el('div', { class: 'view' },
      el('div', { class: 'member-head' }, this.mark.element, this.title, this.role,
        el('div', { class: 'steps' }, this.kill, step('‹ before', -1, 'k'), step('next ›', 1, 'j'))),
      this.missing, this.body);
    main.append(this.root);
    this.routed();
  }

  /** @param {string} id @param {string} title @param {...Node} children */
  panel(id, title, ...children) {
    const head = el('h2', { id: `h-${id}` }, title);
    return el('section', { class: 'panel', 'aria-labelledby': `h-${id}` }, head, ...children);
  }

  factsPanel() {
    this.progress = el('progress', { max: '100', 'aria-label': 'Progress' });
    this.progressText = el('span', { class: 'number' });
    this.progressRow = el('div', { class: 'progress' }, this.progress, this.progressText);
    this.facts = el('dl', { class: 'facts' });
    /** @type {Map<string, HTMLElement>} */
    this.factOf = new Map();
    this.yarn = el('p', { class: 'yarn' });
    this.shownYarn = '';
    return this.panel('facts', 'Facts', this.progressRow, this.facts, this.yarn);
  }

  attemptsPanel() {
    this.attempts = el('ul', { class: 'attempt-list' });
    this.attemptRows = [];
    this.attemptsSection = this.panel('attempts', 'Attempts of this task', this.attempts);
    return this.attemptsSection;
  }

  minutePanel() {
    const picture = (/** @type {string} */ name, /** @type {string} */ label) => this.sizes.watch(
      el('canvas', { class: name, role: 'img', 'aria-label': label }));
    this.strip = picture('big-strip', 'Beats');
    this.band = picture('band', 'State');
    this.rates = picture('chart', 'Records a second');
    this.stripWords = el('p', { class: 'sentence' });
    this.rateWords = el('p', { class: 'sentence' });
    this.start = el('span');
    return this.panel('minute', 'Last minute: beats, state, records a second', this.strip, this.band,
      el('div', { class: 'axis', 'aria-hidden': 'true' }, this.start, el('span', {}, 'now')),
      this.stripWords, this.rates, this.rateWords);
  }

  comparePanel() {
    const chart = () => this.sizes.watch(el('canvas', { class: 'chart', role: 'img', 'aria-label': 'Distribution' }));
    this.rateChart = chart();
    this.splitChart = chart();
    this.rateCompare = el('p', { class: 'sentence' });
    this.splitCompare = el('p', { class: 'sentence' });
    this.splitPart = el('div', {}, el('h2', {}, 'Sizes of splits'), this.splitChart, this.splitCompare);
    const ratePart = el('div', {}, el('h2', {}, 'Records a second'), this.rateChart, this.rateCompare);
    const both = el('div', { class: 'halves' }, ratePart, this.splitPart);
    return el('section', { class: 'panel', 'aria-label': 'Among all members' }, both);
  }

  stacksPanel() {
    this.stacksText = el('pre', { tabindex: '0', 'aria-label': 'Stacks' });
    this.stacksNote = el('p', { class: 'soft', role: 'status' });
    this.ask = el('button', { type: 'button', class: 'plain', onclick: () => this.askStacks() }, 'ask for the stacks');
    return el('section', { class: 'panel', 'aria-labelledby': 'h-stacks' }, el('div', { class: 'panel-head' },
      el('h2', { id: 'h-stacks' }, 'Stacks of the last stall'), this.ask), this.stacksNote, this.stacksText);
  }

  eventsPanel() {
    this.events = el('ol', { class: 'event-list' });
    this.noEvents = el('p', { class: 'soft' }, 'No event of this member is known.');
    return this.panel('member-events', 'Its events', this.events, this.noEvents);
  }

  end() {
    this.sizes.end();
  }

  jumped() {
    this.slowAt = 0;
  }

  routed() {
    [this.slowAt, this.shownEvents, this.asked] = [0, '', ''];
    this.node = this.app.route.node ?? '';
    this.noStacks();
    this.app.changed();
  }

  noStacks() {
    this.stacksText.hidden = true;
    this.stacksText.textContent = '';
    setText(this.stacksNote, 'Nothing is known of a stall.');
  }

  update() {
    const { model } = this.app;
    this.root.hidden = !model.isKnown;
    if (!model.isKnown) return;
    const member = model.byName(this.node);
    setText(this.title, clean(this.node) || 'No member is chosen');
    this.body.hidden = member === null;
    this.missing.hidden = member !== null;
    this.mark.element.hidden = member === null;
    this.kill.hidden = !this.app.actions || !member || isEnded(model.states[member.index]);
    if (!member) {
      setText(this.missing, model.members.length === 0 ? 'No member yet.' : 'No member has this name now.');
      setText(this.role, '');
      return;
    }
    const state = model.states[member.index];
    this.mark.set(state, model.verdict(member));
    const roles = [clean(member.row.role, 40), clean(member.row.phase, 40)];
    setText(this.role, roles.filter((part) => part !== '').join(' · '));
    this.updateMinute(member);
    const now = performance.now();
    if (now - this.slowAt >= SLOW_EVERY_MS) {
      this.slowAt = now;
      this.updateFacts(member);
      this.updateAttempts(member);
      this.updateWords(member);
    }
    this.updateCompare(member);
    // A recording has the stacks among its events only.
    this.ask.hidden = !this.app.isLive;
    this.updateEvents();
  }

  /** @param {import('./model.js').Member} member */
  updateFacts(member) {
    const { progress } = member.row;
    this.progressRow.hidden = !isNumber(progress);
    if (isNumber(progress)) {
      this.progress.value = progress;
      setText(this.progressText, percent(progress));
    }
    const known = facts(this.app.model, member);
    const names = known.map(([name]) => name).join('\n');
    if (names !== this.factNames) {
      this.factNames = names;
      this.factOf.clear();
      this.facts.replaceChildren(...known.flatMap(([name]) => {
        const value = el('dd');
        this.factOf.set(name, value);
        return [el('dt', {}, name), value];
      }));
    }
    for (const [name, text] of known) setText(/** @type {Node} */ (this.factOf.get(name)), text);
    const links = yarnLinks(this.app.yarn, member.row.attempt);
    const shown = links.map(({ href }) => href).join('\n');
    if (shown === this.shownYarn) return;
    this.shownYarn = shown;
    this.yarn.replaceChildren(...links.map(({ text, href }) => el('a', { href, rel: 'noreferrer', target: '_blank' }, text)));
  }

  /** @param {import('./model.js').Member} member */
  updateAttempts(member) {
    const { model } = this.app;
    const others = attemptsOf(model, member);
    this.attemptsSection.hidden = others.length === 0;
    while (this.attemptRows.length < others.length) {
      const [link, mark, text] = [memberLink(this.app), new StateMark(), el('span', { class: 'soft' })];
      this.attemptRows.push({ element: el('li', {}, mark.element, link.element, text), link, mark, text });
    }
    others.forEach((other, at) => {
      const { link, mark, text } = this.attemptRows[at];
      link.set(other);
      mark.set(model.states[other.index], model.verdict(other));
      setText(text, `${clean(other.row.attempt, 80)}${other === member ? ' (this one)' : ''}`);
    });
    if (this.attempts.childElementCount !== others.length) {
      this.attempts.replaceChildren(...this.attemptRows.slice(0, others.length).map(({ element }) => element));
    }
  }

  /** @param {import('./model.js').Member} member */
  updateMinute(member) {
    const { model, palette } = this.app;
    model.strip(member.index, this.cells);
    for (const [canvas, draw] of /** @type {const} */ ([[this.strip, drawStrip], [this.band, drawBand]])) {
      const { width, height } = this.sizes.of(canvas);
      const context = fitted(canvas, width, height);
      if (context) draw(context, this.cells, { x: 0, y: 0, width, height }, palette);
    }
    const { width, height } = this.sizes.of(this.rates);
    const context = fitted(this.rates, width, height);
    if (!context) return;
    const rates = model.ratesOf(member.index);
    const top = drawLine(context, rates, { x: 0, y: 14, width, height: height - 14 }, palette);
    context.font = `11px ${palette.sans}`;
    context.fillStyle = palette.soft;
    context.textAlign = 'left';
    context.textBaseline = 'top';
    context.fillText(`${short(top)} records/s`, 0, 0);
  }

  /** @param {import('./model.js').Member} member */
  updateWords(member) {
    const { model } = this.app;
    setText(this.start, `${duration(CELLS * model.period)} ago`);
    const words = stripWords(this.app, member.index);
    setText(this.stripWords, `Beats: ${words}.`);
    setAttribute(this.strip, 'aria-label', `Beats of the last minute: ${words}`);
    const rates = [...model.ratesOf(member.index)].filter((rate) => !Number.isNaN(rate));
    const text = rates.length === 0 ? 'Records a second: nothing was seen yet.'
      : `Records a second: ${short(Math.min(...rates))} to ${short(Math.max(...rates))} in the last ${rates.length} s.`;
    setText(this.rateWords, text);
    setAttribute(this.rates, 'aria-label', text);
  }

  /** @param {import('./model.js').Member} member */
  updateCompare(member) {
    if (this.slowAt !== this.comparedAt) {
      this.comparedAt = this.slowAt;
      this.comparison = compare(this.app.model, member);
      setText(this.rateCompare, this.comparison.rateWords);
      setText(this.splitCompare, this.comparison.splitWords);
      this.splitPart.hidden = this.comparison.splits.length === 0;
      setAttribute(this.rateChart, 'aria-label', `Records a second of all members. ${this.comparison.rateWords}`);
      setAttribute(this.splitChart, 'aria-label', `Sizes of the splits of all members. ${this.comparison.splitWords}`);
    } else if (this.drawnAt === this.slowAt && this.drawnWidth === this.sizes.of(this.rateChart).width) {
      return;
    }
    const { comparison } = this;
    if (!comparison) return;
    this.drawnAt = this.slowAt;
    this.drawnWidth = this.sizes.of(this.rateChart).width;
    for (const [canvas, values, marked, label] of /** @type {[HTMLCanvasElement, number[], number|null, any][]} */ ([
      [this.rateChart, comparison.rates, comparison.rate, short],
      [this.splitChart, comparison.splits, comparison.split, bytes],
    ])) {
      const { width, height } = this.sizes.of(canvas);
      const context = fitted(canvas, width, height);
      if (context) drawHistogram(context, values, marked, { x: 0, y: 0, width, height }, this.app.palette, label);
    }
  }

  updateEvents() {
    const { events } = this.app.model;
    const key = `${events.version}`;
    if (key === this.shownEvents) return;
    this.shownEvents = key;
    const own = events.of(this.node, EVENTS);
    this.events.replaceChildren(...own.map((entry) => eventRow(this.app.route.job, entry, { hasName: false })));
    this.noEvents.hidden = own.length > 0;
    const told = events.stacks(this.node);
    if (told) this.showStacks(told.event.snapshot);
    else if (!this.app.isLive) this.noStacks();
    else if (this.asked === '' && own.some((entry) => entry.event.event === 'stalled')) this.askStacks();
  }

  /** @param {unknown} text */
  showStacks(text) {
    const shown = cleanLines(text);
    this.stacksText.hidden = shown === '';
    setText(this.stacksText, shown);
    const lines = shown.split('\n').length;
    setText(this.stacksNote, shown === '' ? 'The member has left no stacks.' : `${count(lines)} lines`);
  }

  async askStacks() {
    const { node } = this;
    this.asked = node;
    setText(this.stacksNote, 'Asking the server …');
    try {
      const answer = await fetch(this.app.url(`api/v1/jobs/${this.app.route.job}/members/${encode(node)}/snapshot`));
      if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
      const { text } = await answer.json();
      if (this.node === node) this.showStacks(text);
    } catch (error) {
      const problem = clean(error instanceof Error ? error.message : error);
      if (this.node === node) setText(this.stacksNote, `The stacks cannot be read: ${problem}. Ask again later.`);
    }
  }

  /** Opens the next member in the order of the strips. @param {number} by */
  step(by) {
    const { model, route, stripsQuery } = this.app;
    const query = new URLSearchParams(stripsQuery);
    const of = (/** @type {string} */ name, /** @type {string[]} */ all) => {
      const value = query.get(name) ?? '';
      return all.includes(value) ? value : all[0];
    };
    const wish = { filter: query.get('filter') ?? '', group: of('group', GROUPS), sort: of('sort', SORTS) };
    const { rows } = list(model, wish);
    const members = [...rows].filter((entry) => entry >= 0);
    if (members.length === 0) return;
    const at = members.indexOf(model.byName(this.node)?.index ?? -1);
    const next = at < 0 ? 0 : Math.min(members.length - 1, Math.max(0, at + by));
    // The way back leads to the list, not through all members.
    location.replace(memberHash(route.job, model.members[members[next]].node));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const by = { j: 1, k: -1 }[event.key];
    if (by === undefined) return false;
    this.step(by);
    return true;
  }
}
