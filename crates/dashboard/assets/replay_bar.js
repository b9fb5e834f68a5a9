// The bar under the header while a recording is shown: play, time, speed, and the way to the next event.
import { Sizes, el, setAttribute, setText } from './dom.js';
import { dateOf, span, timeOfDay } from './format.js';
import { aboutWords, markWords, marksBetween, marksOf } from './recorded_events.js';
import { SPEEDS } from './recording.js';
import { THUMB, drawTrack } from './replay_track.js';

/** While it plays, the slider says its time this often to screen readers, and at once otherwise. */
const SAY_EVERY_MS = 10_000;
/** Steps of the slider by the keyboard. */
const STEP_MS = 1000;
const PAGES = 20;

export class ReplayBar {
  /** @param {import('./app.js').App} app @param {import('./recording.js').Recording} recording */
  constructor(app, recording) {
    this.app = app;
    this.recording = recording;
    [this.saidAt, this.drawn, this.wasAtEnd] = [0, '', false];
    /** @type {import('./recording_source.js').RecordedEvent[]} */
    this.marks = [];
    this.sizes = new Sizes(() => app.changed());
    this.root = /** @type {HTMLElement} */ (document.getElementById('replay'));
    const button = (/** @type {string} */ title, /** @type {() => void} */ act, /** @type {...any} */ ...inner) => el(
      'button', { type: 'button', class: 'plain', title, onclick: act }, ...inner);
    const word = (/** @type {string} */ text) => el('span', { class: 'word' }, text);
    this.before = button('previous event of note (,)', () => this.toEvent(-1), '‹', word('event'));
    this.next = button('next event of note (.)', () => this.toEvent(1), word('event'), '›');
    this.icon = el('span', { class: 'play-icon', 'aria-hidden': 'true' });
    this.playWord = word('');
    this.play = button('play or pause (space)', () => recording.toggle(), this.icon, this.playWord);
    this.play.classList.add('play');
    this.clock = el('span', { class: 'moment-time' });
    this.date = el('span', { class: 'soft' });
    this.place = el('span', { class: 'soft place' });
    this.canvas = this.sizes.watch(el('canvas', { 'aria-hidden': 'true' }));
    this.slider = el('input', { type: 'range', 'aria-label': 'Moment of the recording', min: '0', step: '1',
      'aria-describedby': 'replay-about' });
    this.words = el('p', { class: 'hidden', id: 'replay-about' });
    this.tip = el('div', { class: 'tip', 'aria-hidden': 'true' });
    this.tip.hidden = true;
    this.speed = el('select', { title: 'slower or faster (< and >)' }, ...SPEEDS.map((speed) => el('option',
      { value: speed }, `${speed}×`)));
    this.root.replaceChildren(
      el('div', { class: 'replay-buttons' }, this.before, this.play, this.next),
      el('div', { class: 'moment' }, this.clock, this.date),
      el('div', { class: 'track' }, this.canvas, this.slider),
      this.place, el('label', { class: 'speed' }, el('span', { class: 'hidden' }, 'Speed'), this.speed),
      this.words, this.tip);
    this.root.hidden = false;
    this.listen();
  }

  listen() {
    const { recording, slider, speed } = this;
    slider.addEventListener('input', () => recording.seek(recording.from + Number(slider.value)));
    slider.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => this.sliderKey(event));
    slider.addEventListener('pointermove', (/** @type {PointerEvent} */ event) => this.hover(event));
    slider.addEventListener('pointerleave', () => { this.tip.hidden = true; });
    speed.addEventListener('change', () => recording.play(Number(speed.value)));
  }

  end() {
    this.sizes.end();
    this.root.hidden = true;
    this.root.replaceChildren();
  }

  /** @param {number} by */
  toEvent(by) {
    const isFound = this.recording.toEvent(by);
    if (isFound) this.app.say(`${timeOfDay(this.recording.wanted ?? this.recording.time, true)}`);
    else this.app.say(by > 0 ? 'no later event of note' : 'no earlier event of note');
  }

  /** Keys that hold in all views. @param {string} key @returns {boolean} whether the key meant something */
  key(key) {
    switch (key) {
      case ' ': this.recording.toggle(); return true;
      case ',': this.toEvent(-1); return true;
      case '.': this.toEvent(1); return true;
      case '<': case '>':
        this.recording.faster(key === '>' ? 1 : -1);
        this.app.say(`speed ${this.recording.speed}`);
        return true;
      default: return false;
    }
  }

  /** @param {KeyboardEvent} event */
  sliderKey(event) {
    const { from, to, time, wanted } = this.recording;
    const page = (to - from) / PAGES;
    const steps = { ArrowLeft: -STEP_MS, ArrowDown: -STEP_MS, ArrowRight: STEP_MS, ArrowUp: STEP_MS, PageDown: -page,
      PageUp: page, Home: -Infinity, End: Infinity };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.recording.seek((wanted ?? time) + step);
  }

  update() {
    const { recording } = this;
    const { about, isPlaying } = recording;
    for (const control of [this.before, this.play, this.next, this.slider]) control.disabled = about === null;
    if (!about) return;
    const time = recording.wanted ?? recording.time;
    if (this.words.textContent === '') {
      setText(this.words, aboutWords(about));
      this.slider.max = String(about.to - about.from);
      this.marks = marksOf(about);
    }
    setText(this.clock, timeOfDay(time, recording.speed < 10 || !isPlaying));
    setText(this.date, dateOf(time));
    setAttribute(this.icon, 'data-icon', isPlaying ? 'pause' : 'play');
    setText(this.playWord, isPlaying ? 'pause' : 'play');
    const place = `${span(time - about.from)} of ${span(about.to - about.from)}`;
    setText(this.place, recording.isAtEnd ? 'end of the recording' : recording.isSeeking ? 'loading …' : place);
    if (this.speed.value !== String(recording.speed)) this.speed.value = String(recording.speed);
    this.slider.value = String(time - about.from);
    this.say(time, place);
    this.draw(about, time);
    if (recording.isAtEnd && !this.wasAtEnd) this.app.say('end of the recording');
    this.wasAtEnd = recording.isAtEnd;
  }

  /** @param {number} time @param {string} place */
  say(time, place) {
    const now = performance.now();
    if (this.recording.isPlaying && now - this.saidAt < SAY_EVERY_MS) return;
    this.saidAt = now;
    setAttribute(this.slider, 'aria-valuetext', `${timeOfDay(time)}, ${place}`);
  }

  /** @param {import('./recording_source.js').About} about @param {number} time */
  draw(about, time) {
    const { width, height } = this.sizes.of(this.canvas);
    const ratio = window.devicePixelRatio;
    // A track that looks the same is not drawn again.
    const x = Math.round(((time - about.from) / Math.max(1, about.to - about.from)) * width * ratio);
    const key = [x, width, height, ratio, this.app.palette.accent, this.app.palette.panel].join(' ');
    if (key === this.drawn || width === 0) return;
    this.drawn = key;
    drawTrack(this.canvas, { width, height }, about, this.marks, time, this.app.palette);
  }

  /** @param {PointerEvent} event */
  hover(event) {
    const { about } = this.recording;
    const { width, left } = this.slider.getBoundingClientRect();
    this.tip.hidden = !about || event.pointerType === 'touch';
    if (!about || this.tip.hidden) return;
    const scale = (about.to - about.from) / Math.max(1, width - THUMB);
    const at = about.from + (event.clientX - left - THUMB / 2) * scale;
    const { found, number } = marksBetween(this.marks, at - 4 * scale, at + 4 * scale, 3);
    const time = timeOfDay(Math.min(about.to, Math.max(about.from, at)));
    const more = number > found.length ? ` and ${number - found.length} more` : '';
    setText(this.tip, found.length === 0 ? time : `${found.map(markWords).join(' · ')}${more}`);
    const isRight = event.clientX > window.innerWidth / 2;
    this.tip.style.transform = `translate(${event.clientX}px, ${event.clientY + 22}px)${
      isRight ? ' translateX(-100%)' : ''}`;
  }
}
