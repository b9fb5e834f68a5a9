// Asks the server for a report that belongs to no job, again and again while somebody looks: of a cluster, or of nodes.
import { clean } from './format.js';

const EVERY_MS = 5000;
/** An answer that takes longer is given up. */
const LIMIT_MS = 10_000;
/** Of all reports, so that no two have the same. */
let versions = 0;

/** The source of a view: opened once the server has such reports, closed if it has none any more.
 * @param {import('./app.js').App} app @param {'cluster'|'nodes'} kind @param {ReportSource|null} source */
export function sourceOf(app, kind, source) {
  if (app.has[kind]) return source ?? new ReportSource(app.url(`api/v1/${kind}`), () => app.changed());
  source?.close();
  return null;
}

export class ReportSource {
  /** @param {string} url @param {() => void} changed */
  constructor(url, changed) {
    this.url = url;
    this.changed = changed;
    /** The last report. @type {Record<string, any>|null} */
    this.status = null;
    /** When the server read it; its own time. @type {string|null} */
    this.read = null;
    /** When this page first had it. */
    this.readAt = 0;
    /** Why there is no newer report; empty if there is one. */
    this.problem = '';
    /** Since when the server itself does not answer. @type {string|null} */
    this.awaySince = null;
    this.hasAnswer = false;
    /** Changes with each other report. */
    this.version = 0;
    this.isClosed = false;
    this.isAsking = false;
    this.timer = 0;
    this.seen = () => {
      if (document.visibilityState === 'visible') this.ask();
    };
    document.addEventListener('visibilitychange', this.seen);
    this.ask();
  }

  async ask() {
    clearTimeout(this.timer);
    if (this.isClosed || this.isAsking || document.visibilityState !== 'visible') return;
    this.isAsking = true;
    try {
      const signal = AbortSignal.timeout(LIMIT_MS);
      const answer = await fetch(this.url, { cache: 'no-store', signal });
      if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
      this.take(await answer.json());
    } catch (error) {
      this.problem = clean(error instanceof Error ? error.message : error);
      this.awaySince ??= new Date().toISOString();
    }
    this.isAsking = false;
    if (this.isClosed) return;
    this.timer = window.setTimeout(() => this.ask(), EVERY_MS);
    this.changed();
  }

  /** @param {any} told */
  take(told) {
    const { read, problem, status } = told ?? {};
    this.hasAnswer = true;
    this.awaySince = null;
    this.problem = typeof problem === 'string' ? clean(problem) || 'no reason is told' : '';
    if (typeof status !== 'object' || status === null || (this.status && read === this.read)) return;
    this.status = status;
    this.read = typeof read === 'string' ? read : null;
    this.readAt = Date.now();
    versions += 1;
    this.version = versions;
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
    document.removeEventListener('visibilitychange', this.seen);
  }
}
