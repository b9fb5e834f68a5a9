// Marks of what is no member: parts of a cluster and nodes. Each has a letter, a shape and a word beside it.
import { el, setAttribute, setText } from './dom.js';

/** @typedef {{ letter: string, label: string, meaning: string, rank: number }} Mark `rank`: the worst first */

/** Of the parts of a cluster. @type {Map<string, Mark>} */
export const PART_MARKS = new Map([
  ['bad', { letter: '!', label: 'trouble', meaning: 'needs a look: it is one of the troubles', rank: 0 }],
  ['behind', { letter: 'L', label: 'behind', meaning: 'behind, or on its way; no trouble', rank: 1 }],
  ['lead', { letter: 'A', label: 'active', meaning: 'active, or leads', rank: 2 }],
  ['standby', { letter: 'S', label: 'standby', meaning: 'stands ready, or follows', rank: 3 }],
  ['well', { letter: 'W', label: 'works', meaning: 'answers, and is where it belongs', rank: 4 }],
]);

/** Of nodes: their verdicts. @type {Map<string, Mark>} */
export const NODE_MARKS = new Map([
  ['dead', { letter: 'D', label: 'dead', meaning: 'silent for longer than allowed', rank: 0 }],
  ['late', { letter: 'L', label: 'late', meaning: 'silent for half of that time', rank: 1 }],
  ['unwell', { letter: '!', label: 'unwell', meaning: 'beats, and says that it does not work', rank: 2 }],
  ['returned', { letter: 'R', label: 'returned', meaning: 'was dead, and beats again', rank: 3 }],
  ['alive', { letter: 'A', label: 'alive', meaning: 'beats', rank: 4 }],
]);

/** A verdict that this page does not know yet. @type {Mark} */
export const UNKNOWN_MARK = { letter: '?', label: 'unknown', meaning: 'this page does not know the word', rank: 2.5 };

/** @param {string} kind a key of one of the maps @param {Mark} mark */
export function markBadge(kind, mark) {
  return el('span', { class: 'badge', 'data-mark': kind, 'aria-hidden': 'true' }, mark.letter);
}

/** A mark with its word, which can change. */
export class ReportMark {
  /** @param {Map<string, Mark>} marks */
  constructor(marks) {
    this.marks = marks;
    this.letter = el('span', { class: 'badge', 'aria-hidden': 'true' });
    this.word = el('span', { class: 'word' });
    this.element = el('span', { class: 'state' }, this.letter, this.word);
  }

  /** @param {string} kind @param {string} word */
  set(kind, word) {
    const mark = this.marks.get(kind) ?? UNKNOWN_MARK;
    setAttribute(this.letter, 'data-mark', kind);
    setText(this.letter, mark.letter);
    setText(this.word, word);
    setAttribute(this.element, 'title', `${word}: ${mark.meaning}`);
  }
}
