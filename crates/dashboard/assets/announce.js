// Tells screen readers of deaths: politely, many at once in one sentence, and with a pause between two.
// A recording can be played a hundred times faster: then more members share a sentence.
import { clean } from './format.js';

const EVERY_MS = 3000;
const EVERY_RECORDED_MS = 10_000;
const MOST_NAMES = 3;
const MOST_LINES = 5;

export class Announcer {
  constructor() {
    this.log = /** @type {HTMLElement} */ (document.getElementById('announce'));
    /** @type {string[]} */
    this.names = [];
    this.number = 0;
    this.isWaiting = false;
    this.last = -Infinity;
    this.pause = EVERY_MS;
    this.timer = 0;
  }

  /** Another job or another moment follows: what was not said yet is no news. @param {boolean} isRecording */
  restart(isRecording) {
    clearTimeout(this.timer);
    this.pause = isRecording ? EVERY_RECORDED_MS : EVERY_MS;
    [this.names, this.number, this.isWaiting] = [[], 0, false];
  }

  /** @param {Record<string, any>} event */
  heard(event) {
    if (event.event !== 'died') return;
    this.number += 1;
    if (this.names.length < MOST_NAMES) this.names.push(clean(event.node, 60));
    if (this.isWaiting) return;
    this.isWaiting = true;
    this.timer = window.setTimeout(() => this.say(), Math.max(200, this.last + this.pause - performance.now()));
  }

  say() {
    const more = this.number - this.names.length;
    const names = this.names.join(', ') + (more > 0 ? ` and ${more} more` : '');
    const line = document.createElement('div');
    line.textContent = this.number === 1 ? `${names} is dead` : `${this.number} members are dead: ${names}`;
    this.log.append(line);
    while (this.log.children.length > MOST_LINES) this.log.firstElementChild?.remove();
    this.names = [];
    this.number = 0;
    this.isWaiting = false;
    this.last = performance.now();
  }
}
