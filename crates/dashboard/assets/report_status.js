// What the header and the notice say of a report that belongs to no job.
import { clock } from './format.js';

/**
 * @param {import('./app.js').App} app
 * @param {{ source: import('./report_source.js').ReportSource|null, what: string, isThere: boolean,
 *   staleAfter?: number }} report `what`: its subject, `the cluster`; `staleAfter`: no new report for so many
 *   milliseconds is worth a notice
 * @returns {import('./status_line.js').Status}
 */
export function reportStatus(app, { source, what, isThere, staleAfter = Infinity }) {
  if (!isThere) {
    if (app.areJobsKnown) {
      const notice = `This server does not read ${what}. The name of the page leads to all jobs.`;
      return { state: 'broken', words: 'nothing here', notice, isAway: true };
    }
    if (app.jobsProblem === '') return { state: 'waiting', words: 'connecting' };
    const notice = `The server does not answer: ${app.jobsProblem}. The page asks again.`;
    return { state: 'broken', words: 'server away', notice, isAway: true };
  }
  if (!source || (!source.hasAnswer && source.awaySince === null)) return { state: 'waiting', words: 'connecting' };
  const last = source.status ? `The page shows the picture of ${clock(source.read)}, and asks again.`
    : 'The page asks again.';
  if (source.awaySince !== null) {
    const notice = `The server is away since ${clock(source.awaySince)}: ${source.problem}. ${last}`;
    return { state: 'broken', words: 'server away', notice, isAway: true };
  }
  const words = source.status ? `read ${clock(source.read)}` : 'not read yet';
  if (source.problem !== '') {
    const since = source.status ? ` since ${clock(source.read)}` : '';
    const notice = `There is no news of ${what}${since}: ${source.problem}. ${last}`;
    return { state: 'away', words, notice, isAway: true };
  }
  if (!source.status) return { state: 'waiting', words };
  if (Date.now() - source.readAt > staleAfter) {
    const notice = `There is no news of ${what} since ${clock(source.read)}. ${last}`;
    return { state: 'away', words, notice, isAway: true };
  }
  return { state: 'live', words };
}
