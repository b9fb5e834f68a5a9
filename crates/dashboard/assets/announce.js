// Tells screen readers of deaths: politely, many at once in one sentence, and not more often than every three seconds.
import { clean } from './format.js';

const EVERY_MS = 3000;
const MOST_NAMES = 3;
const MOST_LINES = 5;

export class Announcer {
  constructor() {
    this.log = /** @type {HTMLElement} */ (document.getElementById('announce'));
    /** @type {string[]} */
    this.names = [];
    this.number = 0;
    this.isWaiting = false;
    this.last = 0;
  }

  /** @param {Record<string, any>} event */
  heard(event) {
    if (event.event !== 'died') return;
    this.number += 1;
    if (this.names.length < MOST_NAMES) this.names.push(clean(event.node, 60));
    if (this.isWaiting) return;
    this.isWaiting = true;
    setTimeout(() => this.say(), Math.max(200, this.last + EVERY_MS - Date.now()));
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
    this.last = Date.now();
  }
}
