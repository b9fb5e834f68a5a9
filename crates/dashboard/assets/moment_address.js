// Keeps the shown moment of a recording in the address, so that it can be sent to others.
import { parseRoute, withMoment } from './route.js';

/** Browsers refuse addresses that change more often than some times a second. */
const EVERY_MS = 1000;

export class MomentAddress {
  constructor() {
    this.written = 0;
    this.timer = 0;
    this.at = 0;
  }

  /** The moment that a person asks for by the address; null if the page wrote it there itself. */
  static wanted() {
    // The way back through the history leads to the views as they were, not to the moments.
    if (history.state?.isOwn) return null;
    return parseRoute(location.hash).at;
  }

  /** @param {number} at milliseconds since 1970 */
  show(at) {
    this.at = at;
    if (this.timer !== 0 || parseRoute(location.hash).at === Math.round(at)) return;
    const pause = Math.max(0, this.written + EVERY_MS - performance.now());
    this.timer = window.setTimeout(() => this.write(), pause);
  }

  write() {
    this.timer = 0;
    this.written = performance.now();
    try {
      history.replaceState({ isOwn: true }, '', withMoment(location.hash, this.at));
    } catch {
      // Some browsers allow no change in a file's address; the page works without it.
    }
  }

  close() {
    clearTimeout(this.timer);
    // What was written stays in the history; a later recording writes its own.
    this.timer = 0;
  }
}
