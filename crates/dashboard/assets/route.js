// The address of each view, in the part of the URL behind `#`, so that it can be sent to others. Pure.
import { encode } from './format.js';

/**
 * @typedef {{ job: number|null, view: View, node: string|null, query: URLSearchParams, at: number|null }} Route
 * @typedef {'jobs'|'overview'|'strips'|'member'|'events'|'timeline'|'cluster'|'nodes'} View
 * `at` is the moment of a recording, in milliseconds since 1970. It is no part of `query`: links between views go
 * without it, and the page adds the moment that is shown.
 */

/** The views that belong to no job. */
const REPORTS = ['cluster', 'nodes'];

/** @param {string} view */
export function isReport(view) {
  return REPORTS.includes(view);
}

/** @param {string} hash @returns {Route} */
export function parseRoute(hash) {
  const [path, query = ''] = split(hash.replace(/^#\/?/, ''));
  const parts = path.split('/');
  const number = Number(parts[1]);
  const isJob = parts[0] === 'job' && parts[1] !== '' && Number.isInteger(number) && number >= 0;
  const job = isJob ? number : null;
  /** @type {Route} */
  const route = { job, view: job === null ? 'jobs' : 'overview', node: null, query: new URLSearchParams(query),
    at: null };
  route.at = moment(route.query.get('at'));
  route.query.delete('at');
  if (job === null) {
    if (isReport(parts[0])) route.view = /** @type {View} */ (parts[0]);
    return route;
  }
  if (parts[2] === 'strips' || parts[2] === 'events' || parts[2] === 'timeline') route.view = parts[2];
  if (parts[2] === 'member') {
    route.view = 'member';
    route.node = parts[3] ? decoded(parts.slice(3).join('/')) : null;
  }
  return route;
}

/** Milliseconds since 1970, or a time as text. @param {string|null} text */
function moment(text) {
  if (text === null || text === '') return null;
  const at = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isFinite(at) ? at : null;
}

/** The same address with another moment. @param {string} hash @param {number} at */
export function withMoment(hash, at) {
  const [path, search] = split(hash === '' ? '#/' : hash);
  const query = new URLSearchParams(search ?? '');
  query.set('at', String(Math.round(at)));
  return `${path}?${query}`;
}

/** @param {string} text */
function split(text) {
  const at = text.indexOf('?');
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {number|null} job @param {string} [view] @param {Record<string, string>} [query] empty values are left out */
export function hashOf(job, view = 'overview', query = {}) {
  if (job === null && !isReport(view)) return '#/';
  const wanted = Object.entries(query).filter(([, value]) => value !== '');
  const search = new URLSearchParams(wanted).toString();
  const path = isReport(view) ? view : `job/${job}${view === 'overview' ? '' : `/${view}`}`;
  return `#/${path}${search === '' ? '' : `?${search}`}`;
}

/** @param {number|null} job @param {string} node */
export function memberHash(job, node) {
  return `${hashOf(job, 'member')}/${encode(node)}`;
}
