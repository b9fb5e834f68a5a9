// When the page saw each member for the first time, and of which attempt it is; also of those that are gone. No DOM.

/** Maximum number of members that are remembered. */
const MOST = 50_000;

/** @typedef {{ from: number, attempt: string }} Sighting `from` in milliseconds since 1970 */

export class Sightings {
  constructor() {
    /** @type {Map<string, Sighting>} */
    this.of = new Map();
    /** Changes with each new member and each new attempt. */
    this.version = 0;
  }

  /** @param {string} node @param {unknown} attempt @param {number} from when it was there already */
  note(node, attempt, from) {
    const known = this.of.get(node);
    const name = typeof attempt === 'string' ? attempt : '';
    if (!known) {
      if (this.of.size >= MOST || Number.isNaN(from)) return;
      this.of.set(node, { from, attempt: name });
    } else {
      if (from < known.from) known.from = from;
      if (known.attempt !== '' || name === '') return;
      known.attempt = name;
    }
    this.version += 1;
  }
}
