// Asks the server for actions, and keeps the last ones that it tells. Used only if the server allows actions.
import { clean, encode, isNumber, millis } from './format.js';

const EVERY_MS = 10_000;
/** Maximum number of actions that are kept. */
const MOST = 500;

/**
 * @typedef {{ time: string, by: string, action: string, node: string|null, result: string, is_error: boolean }} Action
 */

export class Actions {
  /** @param {(path: string) => string} url @param {number} job @param {() => void} changed */
  constructor(url, job, changed) {
    this.url = (/** @type {string} */ path) => url(`api/v1/jobs/${job}/${path}`);
    this.changed = changed;
    /** Newest last. @type {Action[]} */
    this.list = [];
    this.problem = '';
    /** Changes with the list. */
    this.version = 0;
    this.timer = window.setInterval(() => this.refresh(), EVERY_MS);
    this.refresh();
  }

  close() {
    clearInterval(this.timer);
  }

  async refresh() {
    try {
      const answer = await fetch(this.url('actions'), { cache: 'no-store' });
      if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
      const { actions } = await answer.json();
      const list = Array.isArray(actions) ? actions.filter((one) => typeof one === 'object' && one).slice(-MOST) : [];
      if (JSON.stringify(list) !== JSON.stringify(this.list)) this.version += 1;
      [this.list, this.problem] = [list, ''];
    } catch (error) {
      this.problem = clean(error instanceof Error ? error.message : error);
    }
    this.changed();
  }

  /** The kills that were done, for the timeline. */
  kills() {
    return this.list.filter(({ action, node, is_error: isError }) => action === 'kill' && !isError
      && typeof node === 'string').map(({ time, node }) => ({ at: millis(time), node: String(node) }));
  }

  /** Ends an attempt. @param {string} node @param {unknown} session the one that was shown: a member that joined again
   * meanwhile is not meant */
  kill(node, session) {
    const isKnown = typeof session === 'string' || isNumber(session);
    return this.send(`members/${encode(node)}/kill`, isKnown ? { session } : {});
  }

  /** Sets the interval between two beats. @param {number|null} interval in milliseconds; null is the job's own */
  setInterval(interval) {
    return this.send('interval', { interval_ms: interval });
  }

  /** Returns what came of it, or throws why nothing did. @param {string} path @param {object} body */
  async send(path, body) {
    try {
      const answer = await fetch(this.url(path), { method: 'POST', cache: 'no-store',
        headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
      const told = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(clean(told?.error) || `the server answers ${answer.status}`);
      return clean(told?.result) || 'done';
    } finally {
      this.refresh();
    }
  }
}
