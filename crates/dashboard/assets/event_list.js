// The last events of a job, bounded in number and in size, newest last. No DOM.

/** Maximum number of events that are kept. */
export const MOST_EVENTS = 2000;
/** Maximum number of characters of all kept stacks together. */
const MOST_CHARACTERS = 4_000_000;

/** @typedef {{ number: number, event: Record<string, any> }} Entry */

export class EventList {
  constructor() {
    /** @type {Entry[]} */
    this.entries = [];
    this.newest = 0;
    this.characters = 0;
    /** Changes with each new event. */
    this.version = 0;
  }

  /** Adds an event. Returns null if it is known already. @param {any} message @returns {Entry|null} */
  push(message) {
    const event = message?.event;
    if (typeof event !== 'object' || event === null) return null;
    const number = Number(message.number) || this.newest + 1;
    const last = this.entries.at(-1);
    if (number <= this.newest) {
      const isKnown = this.has(number, event.time);
      if (!last || isKnown || String(event.time) < String(this.entries[0].event.time)) return null;
      // The server was started anew and counts from one.
    }
    this.newest = number;
    const entry = { number, event };
    this.entries.push(entry);
    this.characters += length(entry);
    this.version += 1;
    while (this.entries.length > MOST_EVENTS || (this.characters > MOST_CHARACTERS && this.entries.length > 1)) {
      const oldest = this.entries.shift();
      if (oldest) this.characters -= length(oldest);
    }
    return entry;
  }

  /** @param {number} number @param {unknown} time */
  has(number, time) {
    const is = (/** @type {Entry|undefined} */ entry) => entry?.number === number && entry.event.time === time;
    // Numbers mostly follow one another: no search through all events for each one of a snapshot.
    const at = number - (this.entries[0]?.number ?? 0);
    return is(this.entries[at]) || is(this.entries[at + 1]) || this.entries.some(is);
  }

  /** Forgets all events: another moment of a recording follows. */
  clear() {
    this.entries = [];
    this.newest = 0;
    this.characters = 0;
    this.version += 1;
  }

  /** Takes the events of a snapshot, and says how many are missing before them. @param {any[]} events
   * @param {number} missed */
  merge(events, missed) {
    // A snapshot within a recording also counts those that are long known.
    const isNews = !this.has(Number(events[0]?.number), events[0]?.event?.time);
    if (missed > 0 && isNews) {
      const time = events[0]?.event?.time ?? null;
      this.entries.push({ number: this.newest, event: { event: 'missed', count: missed, time } });
      this.version += 1;
    }
    for (const message of events.slice(-MOST_EVENTS)) this.push(message);
  }

  /** The events of one member, newest first. @param {string} node @param {number} most */
  of(node, most) {
    const found = [];
    for (let at = this.entries.length - 1; at >= 0 && found.length < most; at -= 1) {
      if (this.entries[at].event.node === node) found.push(this.entries[at]);
    }
    return found;
  }

  /** The newest stacks of a member, if an event told them. @param {string} node @returns {Entry|null} */
  stacks(node) {
    for (let at = this.entries.length - 1; at >= 0; at -= 1) {
      const { event } = this.entries[at];
      if (event.event === 'snapshot' && event.node === node) return this.entries[at];
    }
    return null;
  }
}

/** @param {Entry} entry */
function length(entry) {
  const { snapshot } = entry.event;
  return typeof snapshot === 'string' ? snapshot.length : 0;
}
