// What the page asks before an attempt is killed, and before the interval is changed.
import { ask } from './action_dialog.js';
import { clean, duration } from './format.js';
import { el } from './dom.js';

/** The longest interval, in milliseconds: a day, as for the server. */
const MOST_MS = 86_400_000;

/** @param {[string, string][]} facts */
function factList(facts) {
  const known = facts.filter(([, value]) => value !== '');
  return el('dl', { class: 'facts' }, ...known.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
}

/** @param {import('./app.js').App} app */
function namespaceOf(app) {
  return clean(app.jobs.find((job) => job.id === app.route.job)?.namespace) || '/';
}

/** @param {import('./app.js').App} app @param {import('./model.js').Member} member */
export function askKill(app, member) {
  const { actions } = app;
  const { row, node, name } = member;
  // The one that is shown now: another life of the member is not meant.
  const { session } = row;
  ask({
    title: 'Kill this attempt?',
    content: [
      factList([['member', name], ['attempt', clean(row.attempt)], ['host', clean(row.host)],
        ['process', row.pid ? clean(row.pid) : ''], ['job', namespaceOf(app)], ['state', app.model.verdict(member)]]),
      el('p', {}, 'The master ends the process group of the task. Hadoop counts the attempt as failed, and starts '
        + 'another one while the task has attempts left.'),
    ],
    choices: [{ label: 'Kill the attempt', send: () => actions?.kill(node, session) ?? '' }],
  });
}

/** @param {import('./app.js').App} app */
export function askInterval(app) {
  const { actions, model } = app;
  const current = model.job.interval_ms;
  const field = el('input', { type: 'number', min: '0', max: MOST_MS, step: 'any', class: 'plain', id: 'interval',
    value: typeof current === 'number' ? current : '' });
  ask({
    title: 'Set the interval?',
    content: [
      factList([['job', namespaceOf(app)], ['now', typeof current === 'number' ? duration(current) : 'not known']]),
      el('p', {}, el('label', { for: 'interval' }, 'Milliseconds between two beats of a member '), field),
      el('p', {}, 'All members follow. A shorter interval finds deaths sooner and costs more writes; a longer one '
        + 'finds them later.'),
    ],
    choices: [
      { label: 'Let the master choose', isPlain: true, send: () => actions?.setInterval(null) ?? '' },
      { label: 'Set the interval', send: () => {
        const value = Number(field.value);
        if (field.value.trim() === '' || !(value > 0 && value <= MOST_MS)) {
          throw new Error(`"${clean(field.value, 20)}" is no interval; give a number above 0, at most ${MOST_MS}`);
        }
        return actions?.setInterval(value) ?? '';
      } },
    ],
  });
}
