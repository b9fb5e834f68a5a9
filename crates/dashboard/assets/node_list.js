// The nodes of a control server, from a line of `heartline nodes list --json`: checked, sorted and filtered. No DOM.
import { clean, isNumber } from './format.js';
import { filterWords, matchesWords } from './filter.js';
import { NODE_MARKS, UNKNOWN_MARK } from './report_marks.js';

/**
 * @typedef {{ role: string, name: string, address: string, user: string, verdict: string, age: number, search: string,
 *   isMaster: boolean }} ListedNode `age` in milliseconds; NaN if no beat came
 */

const ROLES = ['master', 'standby', 'slave'];
/** The columns, with their titles. */
export const COLUMNS = new Map([
  ['role', 'role'], ['name', 'node'], ['address', 'address'], ['user', 'user'], ['verdict', 'verdict'], ['age', 'age'],
]);
const collator = new Intl.Collator('en', { numeric: true });

/** @param {any} status @returns {ListedNode[]} */
export function listedNodes(status) {
  const list = Array.isArray(status.nodes) ? status.nodes : [];
  const nodes = [];
  for (const one of list) {
    if (typeof one !== 'object' || one === null) continue;
    const node = { role: clean(one.role, 40), name: clean(one.hostname, 260), address: clean(one.ip, 60),
      user: clean(one.username, 60), verdict: clean(one.verdict, 60) || 'unknown',
      age: isNumber(one.age_ms) ? one.age_ms : NaN, search: '', isMaster: one.role === 'master' };
    node.search = [node.name, node.address, node.role, node.user, node.verdict].join('\n').toLowerCase();
    nodes.push(node);
  }
  return nodes;
}

/** @param {string} verdict */
export function verdictMark(verdict) {
  return NODE_MARKS.get(verdict) ?? UNKNOWN_MARK;
}

/** The places of texts in their order; kept while the texts stay: thousands of names take long to compare. */
export class TextOrder {
  constructor() {
    /** @type {Map<string, { texts: string[], ranks: Int32Array }>} */
    this.kept = new Map();
  }

  /** @param {string} key @param {string[]} texts */
  of(key, texts) {
    const kept = this.kept.get(key);
    if (kept && kept.texts.length === texts.length && kept.texts.every((text, at) => text === texts[at])) {
      return kept.ranks;
    }
    const order = texts.map((_, at) => at).sort((a, b) => collator.compare(texts[a], texts[b]) || a - b);
    const ranks = new Int32Array(texts.length);
    let rank = 0;
    order.forEach((at, place) => {
      if (place > 0 && texts[order[place - 1]] !== texts[at]) rank = place;
      ranks[at] = rank;
    });
    this.kept.set(key, { texts, ranks });
    return ranks;
  }
}

/** @param {ListedNode[]} nodes @param {{ filter: string, sort: string }} wish `sort`: a column; with `-`, from its end
 * @param {TextOrder} orders @returns {ListedNode[]} */
export function wantedNodes(nodes, wish, orders) {
  const words = filterWords(wish.filter);
  const isBack = wish.sort.startsWith('-');
  const column = isBack ? wish.sort.slice(1) : wish.sort;
  const names = orders.of('name', nodes.map(({ name }) => name));
  const keys = column === 'name' ? names : sortKeys(nodes, column, orders);
  const found = [];
  for (let at = 0; at < nodes.length; at += 1) {
    if (words.length === 0 || matchesWords(words, (word) => nodes[at].search.includes(word))) found.push(at);
  }
  const way = isBack ? -1 : 1;
  found.sort((a, b) => way * (keys[a] - keys[b]) || names[a] - names[b] || a - b);
  return found.map((at) => nodes[at]);
}

/** @param {ListedNode[]} nodes @param {string} column @param {TextOrder} orders @returns {ArrayLike<number>} */
function sortKeys(nodes, column, orders) {
  switch (column) {
    case 'address': return orders.of('address', nodes.map(({ address }) => address));
    case 'user': return orders.of('user', nodes.map(({ user }) => user));
    case 'verdict': return nodes.map(({ verdict }) => verdictMark(verdict).rank);
    case 'age': return nodes.map(({ age }) => (Number.isNaN(age) ? Number.MAX_VALUE : age));
    default: return nodes.map(({ role }) => (ROLES.includes(role) ? ROLES.indexOf(role) : ROLES.length));
  }
}

/** How many nodes have each verdict. @param {ListedNode[]} nodes */
export function verdictCounts(nodes) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { verdict } of nodes) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  return counts;
}
