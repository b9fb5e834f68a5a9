// Follows one job by Server-Sent Events, and says when the server is away. The browser connects again by itself; this
// module does it where the browser gives up.

/** A stream that says nothing for this long is opened again. */
const SILENCE_MS = 15_000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 10_000;

/**
 * @typedef {{ snapshot(message: any): void, tick(message: any): void, event(message: any): void,
 *   away(message: any): void, link(state: 'waiting'|'live'|'broken', since: string|null): void }} Listener
 * What a page hears of a job: from this stream, or from a recording.
 */

export class Stream {
  /** @param {string} url relative to the page @param {Listener} listener */
  constructor(url, listener) {
    this.url = url;
    this.listener = listener;
    this.pause = FIRST_PAUSE_MS;
    /** @type {string|null} */
    this.brokenSince = null;
    this.heard = Date.now();
    this.isClosed = false;
    /** @type {EventSource|null} */
    this.source = null;
    this.retry = 0;
    this.watchdog = window.setInterval(() => this.watch(), 1000);
    listener.link('waiting', null);
    this.open();
  }

  open() {
    if (this.isClosed) return;
    const source = new EventSource(this.url);
    this.source = source;
    this.heard = Date.now();
    for (const kind of /** @type {const} */ (['snapshot', 'tick', 'event', 'away'])) {
      source.addEventListener(kind, (message) => {
        if (this.source !== source) return;
        this.works();
        const data = parsed(message.data);
        if (data) this.listener[kind](data);
      });
    }
    source.onopen = () => { this.heard = Date.now(); };
    source.onerror = () => {
      if (this.source !== source) return;
      this.broken();
      // An answer that is no stream ends the browser's own attempts.
      if (source.readyState === EventSource.CLOSED) this.again();
    };
  }

  works() {
    this.heard = Date.now();
    this.pause = FIRST_PAUSE_MS;
    if (this.brokenSince !== null || !this.isLive) {
      this.brokenSince = null;
      this.isLive = true;
      this.listener.link('live', null);
    }
  }

  broken() {
    this.isLive = false;
    this.brokenSince ??= new Date().toISOString();
    this.listener.link('broken', this.brokenSince);
  }

  again() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.retry);
    this.retry = window.setTimeout(() => this.open(), this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }

  watch() {
    if (this.source && Date.now() - this.heard > SILENCE_MS) {
      this.broken();
      this.again();
    }
  }

  close() {
    this.isClosed = true;
    this.source?.close();
    this.source = null;
    clearTimeout(this.retry);
    clearInterval(this.watchdog);
  }
}

/** @param {string} data @returns {Record<string, any>|null} */
function parsed(data) {
  try {
    const value = JSON.parse(data);
    return typeof value === 'object' && value !== null ? value : null;
  } catch {
    return null;
  }
}
