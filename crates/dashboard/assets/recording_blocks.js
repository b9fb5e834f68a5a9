// The blocks of a recording: asked for once, kept within bounds, and read line by line. No DOM.
import { clean, isNumber } from './format.js';

const MOST_BLOCKS = 64;
/** Maximum number of characters of all kept blocks together. */
const MOST_CHARACTERS = 40_000_000;
const KINDS = ['snapshot', 'tick', 'event', 'away'];

/** @typedef {{ at: number, kind: 'snapshot'|'tick'|'event'|'away', data: any }} Message */

/** Keeps the texts of blocks; those that were used last stay. */
export class RecordingBlocks {
  /** @param {(number: number) => Promise<string>} load */
  constructor(load) {
    this.load = load;
    /** @type {Map<number, string>} the one that was used last is at the end */
    this.kept = new Map();
    /** @type {Map<number, Promise<string>>} */
    this.asked = new Map();
    this.characters = 0;
  }

  /** The text of a block if it is here. @param {number} number */
  get(number) {
    const text = this.kept.get(number);
    if (text === undefined) return null;
    this.kept.delete(number);
    this.kept.set(number, text);
    return text;
  }

  /** Asks for a block. Fails if it cannot be read; a further call asks again. @param {number} number */
  ask(number) {
    const text = this.get(number);
    if (text !== null) return Promise.resolve(text);
    let asked = this.asked.get(number);
    if (!asked) {
      asked = this.load(number).then((loaded) => {
        this.keep(number, loaded);
        return loaded;
      }).finally(() => this.asked.delete(number));
      this.asked.set(number, asked);
    }
    return asked;
  }

  /** @param {number} number @param {string} text */
  keep(number, text) {
    this.kept.set(number, text);
    this.characters += text.length;
    for (const [old, one] of this.kept) {
      const isWithin = this.kept.size <= MOST_BLOCKS && this.characters <= MOST_CHARACTERS;
      if (isWithin || old === number) break;
      this.forget(old, one);
    }
  }

  /** @param {number} number @param {string} [text] */
  forget(number, text = this.kept.get(number)) {
    if (this.kept.delete(number)) this.characters -= text?.length ?? 0;
  }
}

/** Reads the messages of one block, one after the other. Each method throws if a line is no message. */
export class BlockReader {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.at = 0;
    /** @type {Message|null} */
    this.next = null;
    const head = this.line();
    if (head?.heartline_recording !== 1) throw new Error('it does not begin as a block of a recording, version 1');
  }

  /** The next message, which stays the next one; null at the end. */
  peek() {
    while (this.next === null && this.at < this.text.length) {
      const line = this.line();
      // Kinds of later versions are passed over.
      if (line && isNumber(line.at) && KINDS.includes(line.kind) && typeof line.data === 'object' && line.data) {
        this.next = line;
      }
    }
    return this.next;
  }

  take() {
    this.next = null;
  }

  /** @returns {any} */
  line() {
    const found = this.text.indexOf('\n', this.at);
    const end = found < 0 ? this.text.length : found;
    const line = this.text.slice(this.at, end);
    this.at = end + 1;
    if (line.trim() === '') return null;
    try {
      return JSON.parse(line);
    } catch {
      throw new Error(`it has a line that is no JSON: ${clean(line, 40)}`);
    }
  }
}

/** Makes whole rows of the changes that a recording has. */
export class RowChanges {
  constructor() {
    /** @type {Map<number, Record<string, any>>} */
    this.rows = new Map();
  }

  /** The message as a stream would tell it. @param {Message} message */
  whole({ kind, data }) {
    if (kind === 'snapshot') {
      this.rows.clear();
      const members = Array.isArray(data.members) ? data.members : [];
      members.forEach((/** @type {any} */ row, /** @type {number} */ position) => {
        if (row) this.rows.set(isNumber(row.index) ? row.index : position, row);
      });
    }
    if (kind !== 'tick' || !Array.isArray(data.rows)) return data;
    const rows = [];
    for (const change of data.rows) {
      if (!isNumber(change?.index)) continue;
      const known = this.rows.get(change.index);
      const isOther = known && typeof change.node === 'string' && change.node !== known.node;
      // A change of an unknown member says nothing.
      if ((!known || isOther) && typeof change.node !== 'string') continue;
      // A field that went away is null, which reads like a field that is not there.
      const row = known && !isOther ? Object.assign(known, change) : change;
      this.rows.set(change.index, row);
      rows.push(row);
    }
    return { ...data, rows };
  }
}
