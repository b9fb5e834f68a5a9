// The states of a member: their characters on the wire, letters, labels, and order of badness.

/**
 * @typedef {{ code: string, letter: string, label: string, meaning: string, rank: number }} StateKind
 * `rank` orders by badness, the worst first.
 */

/** @type {StateKind[]} The index in this list is the state's number in a cell; 0 is a member that is not there. */
export const STATES = [
  { code: '-', letter: '–', label: 'gone', meaning: 'not there any more', rank: 12 },
  { code: 'w', letter: 'W', label: 'working', meaning: 'its records advance', rank: 10 },
  { code: 's', letter: 'S', label: 'starved', meaning: 'waits for input', rank: 7 },
  { code: 'b', letter: 'B', label: 'back-pressured', meaning: 'waits until its output is taken', rank: 6 },
  { code: 'p', letter: 'P', label: 'spinning', meaning: 'uses the processor without progress', rank: 4 },
  { code: 'k', letter: 'K', label: 'blocked', meaning: 'waits for something else', rank: 5 },
  { code: 'x', letter: 'X', label: 'stalled', meaning: 'stands still by its own fault', rank: 1 },
  { code: 'd', letter: 'D', label: 'dead', meaning: 'declared dead by the master', rank: 0 },
  { code: 'f', letter: 'F', label: 'finished', meaning: 'used up its input', rank: 11 },
  { code: 'e', letter: 'E', label: 'failed', meaning: 'ended without success', rank: 2 },
  { code: 'l', letter: 'L', label: 'late', meaning: 'its beat is overdue', rank: 3 },
  { code: 'a', letter: 'A', label: 'alive', meaning: 'beats, and tells no condition', rank: 9 },
  { code: 'r', letter: 'R', label: 'returned', meaning: 'was declared dead, and lives', rank: 8 },
  { code: 'u', letter: 'U', label: 'unreadable', meaning: 'its beat cannot be read', rank: 7.5 },
];

export const GONE = 0;
export const DEAD = 7;
export const FINISHED = 8;
export const FAILED = 9;
const STALLED = 6;
const RETURNED = 12;

const NUMBERS = new Map(STATES.map((state, number) => [state.code, number]));
const LABELS = new Map(STATES.map((state, number) => [state.label, number]));

/** The numbers of the states, the worst first. */
export const BY_RANK = STATES.map((_, number) => number).sort((a, b) => STATES[a].rank - STATES[b].rank);

/** @param {string} code one character @returns {number} */
export function stateNumber(code) {
  return NUMBERS.get(code) ?? GONE;
}

/** The state that a verdict names: `stalled: blocked` is stalled. @param {unknown} verdict @returns {number} */
export function verdictState(verdict) {
  if (typeof verdict !== 'string') return GONE;
  if (verdict.startsWith('stalled')) return STALLED;
  if (verdict.startsWith('returned')) return RETURNED;
  return LABELS.get(verdict) ?? GONE;
}

/** Whether a member in this state beats no more. @param {number} state */
export function isEnded(state) {
  return state === GONE || state === DEAD || state === FINISHED || state === FAILED;
}

/** Whether a person should look at it. @param {number} state */
export function isBad(state) {
  return STATES[state].rank <= 5;
}

/** What the causes of a death, and the ways a master went, mean. */
export const CAUSES = new Map([
  ['closed', 'its connection ended and its process is gone'],
  ['refused', 'it was silent and its process is gone'],
  ['silent', 'it was silent for too long'],
  ['finished', 'it handed over'],
  ['failed', 'it could not finish'],
  ['dead', 'it died'],
  ['deposed', 'it was deposed'],
  ['expired', 'its session expired'],
  ['released', 'it handed over'],
]);
