// The visible rows of the timeline and the claims as a table for screen readers, behind the picture.
import { el, setText } from './dom.js';
import { count } from './format.js';
import { barCells, claimWords } from './timeline_words.js';

const EVERY_MS = 1000;
/** Maximum number of rows and of claims. */
const MOST_ROWS = 60;
const MOST_CLAIMS = 20;

export class TimelineTable {
  constructor() {
    this.caption = el('caption');
    this.body = el('tbody');
    this.claims = el('ul');
    const heads = ['member', 'attempt', 'began', 'ended', 'how', 'how long', 'what happened'];
    this.element = el('div', { class: 'hidden' },
      el('h2', {}, 'Masters'), this.claims,
      el('table', {}, this.caption,
        el('thead', {}, el('tr', {}, ...heads.map((text) => el('th', { scope: 'col' }, text)))), this.body));
    [this.shown, this.at] = ['', -Infinity];
  }

  /** @param {import('./timeline_bars.js').Lives} lives @param {import('./timeline_bars.js').Bar[]} bars
   * @param {number} first of the visible rows @param {number} rows how many are visible
   * @param {{ from: number, to: number }} range @param {number} now @returns {boolean} false if it was too early */
  update(lives, bars, first, rows, range, now) {
    const time = performance.now();
    if (time - this.at < EVERY_MS) return false;
    this.at = time;
    const visible = bars.slice(first, first + Math.min(MOST_ROWS, rows));
    const claims = lives.claims.filter((claim) => claim.to >= range.from && claim.from <= range.to).slice(-MOST_CLAIMS);
    const cells = visible.map((bar) => {
      const { began, ended, how, length, happened } = barCells(bar, now);
      return [bar.name, bar.attempt || '–', began, ended, how, length, happened || '–'];
    });
    const words = claims.map((claim) => claimWords(claim, now));
    const title = visible.length === 0 ? 'No attempt' : `Attempts ${count(first + 1)} to ${
      count(first + visible.length)} of ${count(bars.length)}`;
    const key = JSON.stringify([title, cells, words]);
    if (key === this.shown) return true;
    this.shown = key;
    setText(this.caption, title);
    this.body.replaceChildren(...cells.map((texts) => el('tr', {}, ...texts.map((text, at) => (
      at === 0 ? el('th', { scope: 'row' }, text) : el('td', {}, text))))));
    this.claims.replaceChildren(...words.map((text) => el('li', {}, text)));
    return true;
  }
}
