// One event as a row: time, kind, and a sentence. Used by all lists of events.
import { CAUSES } from './states.js';
import { clean, cleanLines, clock, count, duration, plural } from './format.js';
import { el } from './dom.js';
import { memberHash } from './route.js';

/** The kinds, with their letters. */
export const KINDS = new Map([
  ['died', 'D'], ['stalled', 'X'], ['snapshot', '≡'], ['failed', 'E'], ['returned', 'R'], ['recovered', 'W'],
  ['finished', 'F'], ['joined', '+'], ['claimed', 'M'], ['released', 'M'], ['connected', '○'], ['disconnected', '!'],
  ['lost', '?'], ['missed', '?'],
]);

/** @param {string} cause */
export function causeWords(cause) {
  const words = CAUSES.get(cause);
  return words ? `${cause}: ${words}` : clean(cause, 80);
}

/** After which silence a death was told, if that is known. @param {any} death */
function silenceWords(death) {
  const { silence_ms: silence } = death ?? {};
  return typeof silence === 'number' ? `; unheard for ${duration(silence)}` : '';
}

/** How a master went, in words. @param {any} previous */
export function wentWords(previous) {
  const parts = [previous?.went, previous?.cause].filter((part) => typeof part === 'string' && part !== '');
  const [first] = parts;
  if (!first) return 'cause unknown';
  const words = parts.length === 2 ? `${clean(first, 40)}, ${causeWords(parts[1])}` : causeWords(first);
  return `${words}${silenceWords(previous)}`;
}

/** The sentence of an event, without the member's name. @param {Record<string, any>} event */
function sentence(event) {
  switch (event.event) {
    case 'claimed': {
      const previous = event.previous;
      if (!previous) return 'is master now; it has no predecessor';
      return `is master now; before it ${clean(previous.node, 80)} (${wentWords(previous)})`;
    }
    case 'released': return event.ending === 'failed' ? 'could not finish, and handed the claim over' : 'handed the claim over';
    case 'joined': return 'was seen for the first time';
    case 'died': {
      const cause = event.cause ? `, ${causeWords(String(event.cause))}` : '';
      return `is dead${cause}${silenceWords(event)}`;
    }
    case 'finished': return 'used up its input and left';
    case 'failed': return 'could not finish, and left';
    case 'returned': return 'was declared dead, and lives';
    case 'stalled': return event.condition ? `stands still: ${clean(event.condition, 80)}` : 'stands still';
    case 'recovered': return 'works again';
    case 'snapshot': return 'left what was seen when it stalled';
    case 'connected': return 'ZooKeeper answers again';
    case 'disconnected': return 'ZooKeeper does not answer';
    case 'lost': return `${plural(Number(event.count) || 0, 'event')} lost at this place`;
    case 'missed': return `${count(event.count)} events missed`;
    default: return '';
  }
}

/** @param {number|null} job @param {import('./event_list.js').Entry} entry @param {{ hasName?: boolean }} [options] */
export function eventRow(job, entry, options = {}) {
  const { event } = entry;
  const kind = clean(event.event, 40);
  const hasName = options.hasName !== false && typeof event.node === 'string' && event.node !== '';
  const what = el('span', { class: 'what' });
  if (hasName) {
    const link = el('a', { class: 'name mono', href: memberHash(job, event.node), title: clean(event.node) });
    link.textContent = clean(event.node, 90);
    what.append(link, ' ');
  }
  what.append(sentence(event));
  if (kind === 'snapshot') what.append(' ', stacks(event.snapshot));
  return el(
    'li',
    { class: kind === 'missed' ? 'event-row is-missed' : 'event-row', 'data-kind': kind },
    el('time', { class: 'soft mono', datetime: event.time ?? null, title: clean(event.time) || null },
      event.time ? clock(event.time, true) : ''),
    el('span', { class: 'kind', 'data-kind': kind },
      el('span', { class: 'badge', 'aria-hidden': 'true' }, KINDS.get(kind) ?? '•'), kind),
    what,
  );
}

/** Stacks that open on demand; the text is laid out only then. @param {unknown} text */
function stacks(text) {
  const pre = el('pre', { tabindex: '0', 'aria-label': 'Stacks' });
  const details = el('details', { class: 'stacks' }, el('summary', {}, 'stacks'), pre);
  details.addEventListener('toggle', () => {
    if (details.open && pre.textContent === '') pre.textContent = cleanLines(text);
  });
  return details;
}

