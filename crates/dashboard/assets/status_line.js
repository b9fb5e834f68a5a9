// What the header and the notice say of the connection, or of the recording that is shown.
import { clock } from './format.js';
import { setAttribute, setText } from './dom.js';

/** @typedef {{ state: string, words: string, notice?: string, isAway?: boolean }} Status
 * `isAway`: the picture is old. */

/** @param {import('./app.js').App} app @returns {Status} */
function statusOf(app) {
  const own = app.view?.status?.();
  if (own) return own;
  const { model, link, jobsProblem, recording } = app;
  const { job } = app.route;
  const noAnswer = `The server does not answer: ${jobsProblem}. The page asks again.`;
  if (job === null || !app.areJobsKnown) {
    if (jobsProblem !== '') return { state: 'broken', words: 'server away', notice: noAnswer, isAway: true };
    return job === null ? { state: 'live', words: 'ready' } : { state: 'waiting', words: 'connecting' };
  }
  if (jobsProblem === '' && !app.jobs.some((one) => one.id === job)) {
    const notice = `This server follows no job with the number ${job}. The name of the page leads to all jobs.`;
    return { state: 'broken', words: 'no such job', notice, isAway: true };
  }
  if (link.state === 'broken' && recording) {
    const notice = `The recording cannot be read: ${recording.problem}. The page asks again.`;
    return { state: 'broken', words: 'server away', notice, isAway: true };
  }
  if (link.state === 'broken') {
    const since = clock(link.since);
    const notice = `The server is away since ${since}. The page shows the last picture, and connects again.`;
    return { state: 'broken', words: 'server away', notice, isAway: true };
  }
  if (link.state === 'waiting') return { state: 'waiting', words: 'connecting' };
  const state = recording ? 'recording' : 'live';
  if (recording?.gap) return { state, words: state, notice: recording.notice, isAway: true };
  if (model.zookeeperAway !== null) {
    const problem = model.problem === '' ? '' : `: ${model.problem}`;
    const since = `${recording ? 'was away then,' : 'away'} since ${clock(model.zookeeperAway)}`;
    const notice = `ZooKeeper ${since}${problem}. The page shows the last picture.`;
    return { state: recording ? state : 'away', words: recording ? state : 'ZooKeeper away', notice, isAway: true };
  }
  return { state, words: state, notice: recording?.notice };
}

/** @param {import('./app.js').App} app */
export function showStatus(app) {
  const { state, words, notice = '', isAway = false } = statusOf(app);
  const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  setAttribute(element('link'), 'data-link', state);
  setText(element('link-text'), words);
  const box = element('notice');
  setText(box, notice);
  box.hidden = notice === '';
  document.body.classList.toggle('is-away', isAway);
  document.body.classList.toggle('is-unknown', app.route.job !== null && !app.model.isKnown && !isAway);
  setText(element('theme'), window.heartlineTheme.current() === 'dark' ? '☾ dark' : '☀ light');
}
