// The keyboard: keys that hold in all views, and the dialog that lists them.
import { STATES, BY_RANK } from './states.js';
import { el } from './dom.js';
import { badge } from './parts.js';
import { NODE_MARKS, PART_MARKS, markBadge } from './report_marks.js';
import { isReport } from './route.js';

/** @typedef {import('./app.js').App} App */

const VIEWS = ['overview', 'strips', 'member', 'events', 'timeline', 'cluster', 'nodes'];
const KEYS = [
  [['1', '2', '3', '4', '5'], 'overview, strips, member, events, timeline'],
  [['/'], 'filter'],
  [['j', 'k'], 'next and previous member; arrows do the same in the list'],
  [['PgUp', 'PgDn', 'Home', 'End'], 'move far in the list'],
  [['Enter'], 'open the chosen member'],
  [['Esc'], 'leave the filter; back to the list'],
  [['+', '-', '0'], 'in the timeline: less time, more time, all'],
  [['←', '→'], 'in the timeline: earlier and later; Home and End lead to its ends'],
  [['space'], 'in a recording: play or pause'],
  [[',', '.'], 'in a recording: previous and next event of note'],
  [['<', '>'], 'in a recording: slower and faster'],
  [['t'], 'light or dark'],
  [['?'], 'this dialog'],
];

/** Whether keys belong to a control that takes text or has its own keys. @param {EventTarget|null} target */
function isTyping(target) {
  return target instanceof HTMLElement && target.matches('input:not([type="range"]), select, textarea');
}

/** @param {App} app @param {KeyboardEvent} event */
export function handleKey(app, event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector('dialog[open]')) return;
  if (isTyping(event.target)) {
    const isDone = event.key === 'Escape' || (event.key === 'Enter' && event.target instanceof HTMLInputElement);
    if (isDone) {
      /** @type {HTMLElement} */ (event.target).blur();
      const list = document.querySelector('.list:not([hidden]) > [tabindex]');
      if (list instanceof HTMLElement) list.focus({ preventScroll: true });
      event.preventDefault();
    }
    return;
  }
  if (app.view?.key?.(event)) {
    event.preventDefault();
    return;
  }
  // A button takes the space itself.
  const isPressed = event.key === ' ' && event.target instanceof Element && event.target.matches('button, summary');
  if ((!isPressed && app.bar?.key(event.key)) || common(app, event.key)) event.preventDefault();
}

/** @param {App} app @param {string} key @returns {boolean} whether the key meant something */
function common(app, key) {
  const view = VIEWS[Number(key) - 1];
  if (view && (isReport(view) ? app.has[/** @type {'cluster'|'nodes'} */ (view)] : app.job !== null)) {
    app.go(app.hash(view));
    return true;
  }
  switch (key) {
    case '?': openHelp(app); return true;
    case 't': window.heartlineTheme.toggle(); return true;
    case '/': return focusFilter(app);
    case 'Escape':
      if (app.route.view === 'jobs' || app.route.view === 'overview') return false;
      app.go(app.hash(app.route.view === 'member' ? 'strips' : 'overview'));
      return true;
    default: return false;
  }
}

/** Where a view has no filter, the one of the strips is meant. @param {App} app */
function focusFilter(app) {
  const box = document.querySelector('input[type="search"]');
  if (box instanceof HTMLInputElement) {
    box.focus();
    box.select();
    return true;
  }
  if (app.route.job === null) return false;
  app.go(app.hash('strips'));
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const later = document.querySelector('input[type="search"]');
    if (later instanceof HTMLInputElement) later.focus();
  }));
  return true;
}

/** @param {App} app */
export function openHelp(app) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('help-dialog'));
  const body = /** @type {HTMLElement} */ (document.getElementById('help-body'));
  body.replaceChildren(keyList(app), stateList(), ...markLists(app));
  if (!dialog.open) dialog.showModal();
}

/** @param {App} app */
function keyList({ has }) {
  const list = el('dl');
  /** @type {any[]} */
  const more = [];
  if (has.cluster) more.push([['6'], 'cluster']);
  if (has.nodes) more.push([['7'], 'nodes']);
  for (const [keys, meaning] of [KEYS[0], ...more, ...KEYS.slice(1)]) {
    const term = el('dt');
    for (const key of keys) term.append(el('kbd', {}, key), ' ');
    list.append(term, el('dd', {}, String(meaning)));
  }
  const note = el('p', {}, 'In a filter, several words must all match; a word with - before it must not. '
    + 'The address of each view can be sent to others.');
  return el('section', {}, el('h3', {}, 'Keys'), list, note);
}

function stateList() {
  const list = el('dl');
  for (const number of BY_RANK) {
    const { label, meaning } = STATES[number];
    const term = el('dt', {}, el('span', { class: 'state' }, badge(number), label));
    list.append(term, el('dd', { class: 'soft' }, meaning));
  }
  const note = el('p', {}, 'The height of a bar in a strip is the share of the expected beats that came. A gap is a '
    + 'time in which none came.');
  return el('section', {}, el('h3', {}, 'States'), list, note);
}

/** The marks of the views that belong to no job. @param {App} app */
function markLists({ has }) {
  const lists = [];
  for (const [isThere, title, marks] of /** @type {const} */ ([
    [has.cluster, 'Parts of a cluster', PART_MARKS], [has.nodes, 'Nodes', NODE_MARKS]])) {
    if (!isThere) continue;
    const list = el('dl');
    for (const [kind, mark] of marks) {
      list.append(el('dt', {}, el('span', { class: 'state' }, markBadge(kind, mark), mark.label)),
        el('dd', { class: 'soft' }, mark.meaning));
    }
    lists.push(el('section', {}, el('h3', {}, title), list));
  }
  return lists;
}
