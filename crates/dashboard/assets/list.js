// Which members the list shows, in what order, and in what groups. No DOM.
import { CELLS } from './model.js';
import { STATES, isEnded } from './states.js';
import { clean, isNumber } from './format.js';
import { filterWords, matchesWords } from './filter.js';

export const GROUPS = ['none', 'host', 'job', 'state'];
export const SORTS = ['name', 'state', 'lag', 'records', 'progress'];
/** @type {Record<string, string>} */
export const SORT_LABELS = {
  name: 'name', state: 'worst first', lag: 'longest lag', records: 'slowest first', progress: 'least progress',
};

/**
 * @typedef {import('./model.js').JobModel} JobModel
 * @typedef {{ name: string, members: number[], counts: Map<number, number> }} Group
 * @typedef {{ rows: Int32Array, groups: Group[], members: number }} Listing
 * `rows` has the index of a member, or for the heading of group g the number -1 - g.
 */

const collator = new Intl.Collator('en', { numeric: true });

/** The place of each member by name; kept until members come or go. */
class NameOrder {
  constructor() {
    this.generation = -1;
    /** @type {JobModel|null} */
    this.model = null;
    this.ranks = new Int32Array(0);
  }

  /** @param {JobModel} model */
  of(model) {
    if (this.model === model && this.generation === model.generation && this.ranks.length === model.members.length) {
      return this.ranks;
    }
    const order = model.members.map((_, index) => index);
    order.sort((a, b) => collator.compare(model.members[a].name, model.members[b].name) || a - b);
    this.ranks = new Int32Array(order.length);
    order.forEach((index, rank) => { this.ranks[index] = rank; });
    this.model = model;
    this.generation = model.generation;
    return this.ranks;
  }
}

const names = new NameOrder();

/** @param {JobModel} model @param {number} index @param {string[]} wanted */
function matches(model, index, wanted) {
  const member = model.members[index];
  if (member.search === '') {
    const { row } = member;
    const parts = [member.node, row.host, row.attempt, row.job, row.phase, row.role, row.verdict];
    member.search = `${parts.map((part) => clean(part)).join('\n').toLowerCase()}\n`;
  }
  const label = STATES[model.states[index]].label;
  return matchesWords(wanted, (word) => member.search.includes(word) || label.includes(word));
}

/** @param {JobModel} model @param {string} sort @returns {(index: number) => number} a key; smaller is first */
function sortKey(model, sort) {
  const last = Number.MAX_VALUE;
  const row = (/** @type {number} */ index) => model.members[index].row;
  switch (sort) {
    case 'state': return (index) => STATES[model.states[index]].rank;
    // Lags below one reading, and rates that hardly differ, are equal: rows do not change places all the time.
    case 'lag': return (index) => {
      if (isEnded(model.states[index])) return last;
      return -Math.floor((model.lag(index) || 0) / model.period);
    };
    case 'records': return (index) => {
      const rate = row(index).records_per_second;
      return isEnded(model.states[index]) || !isNumber(rate) ? last : Number(rate.toPrecision(2));
    };
    case 'progress': return (index) => (isNumber(row(index).progress) ? row(index).progress : last);
    default: return () => 0;
  }
}

/** @param {JobModel} model @param {number} index @param {string} group */
function groupName(model, index, group) {
  const { row } = model.members[index];
  if (group === 'host') return clean(row.host, 120) || 'no host known';
  if (group === 'job') return clean(row.job, 120) || 'no job known';
  return STATES[model.states[index]].label;
}

/** @param {JobModel} model @param {number[]} members */
function tally(model, members) {
  const counts = new Map();
  for (const index of members) counts.set(model.states[index], (counts.get(model.states[index]) ?? 0) + 1);
  return counts;
}

/**
 * @param {JobModel} model
 * @param {{ group: string, sort: string, filter: string }} wish
 * @returns {Listing}
 */
export function list(model, wish) {
  const wanted = filterWords(wish.filter);
  const ranks = names.of(model);
  const key = sortKey(model, wish.sort);
  const keys = new Float64Array(model.members.length);
  const found = [];
  for (let index = 0; index < model.members.length; index += 1) {
    if (wanted.length > 0 && !matches(model, index, wanted)) continue;
    keys[index] = key(index);
    found.push(index);
  }
  found.sort((a, b) => keys[a] - keys[b] || ranks[a] - ranks[b]);
  if (!GROUPS.includes(wish.group) || wish.group === 'none') {
    return { rows: Int32Array.from(found), groups: [], members: found.length };
  }
  return grouped(model, found, wish.group);
}

/** @param {JobModel} model @param {number[]} found @param {string} kind @returns {Listing} */
function grouped(model, found, kind) {
  /** @type {Map<string, number[]>} */
  const byName = new Map();
  for (const index of found) {
    const name = groupName(model, index, kind);
    const members = byName.get(name);
    if (members) members.push(index);
    else byName.set(name, [index]);
  }
  const order = [...byName.keys()];
  if (kind === 'state') {
    const rank = (/** @type {string} */ name) => STATES.find((state) => state.label === name)?.rank ?? 99;
    order.sort((a, b) => rank(a) - rank(b));
  } else {
    order.sort(collator.compare);
  }
  const rows = new Int32Array(found.length + order.length);
  /** @type {Group[]} */
  const groups = [];
  let at = 0;
  for (const name of order) {
    const members = byName.get(name) ?? [];
    rows[at] = -1 - groups.length;
    at += 1;
    groups.push({ name, members, counts: tally(model, members) });
    rows.set(members, at);
    at += members.length;
  }
  return { rows, groups, members: found.length };
}

/** The members that need a look most, the worst first. @param {JobModel} model @param {number} most */
export function worst(model, most) {
  const rank = (/** @type {number} */ index) => STATES[model.states[index]].rank;
  const isOver = (/** @type {number} */ index) => isEnded(model.states[index]);
  // Of those that are gone, only the last minute's are news, the latest first.
  const lag = (/** @type {number} */ index) => (isOver(index) ? -1 : 1) * (model.lag(index) || 0);
  const minute = CELLS * model.period;
  const bad = model.members.map((_, index) => index).filter((index) => (isOver(index)
    ? rank(index) <= 5 && model.lag(index) < minute : rank(index) <= 5 || model.quiet[index] > 4));
  return bad.sort((a, b) => rank(a) - rank(b) || lag(b) - lag(a) || a - b).slice(0, most);
}

/** The members that work, with the fewest records a second. @param {JobModel} model @param {number} most */
export function slowest(model, most) {
  const rate = (/** @type {number} */ index) => model.members[index].row.records_per_second;
  const living = model.members.map((_, index) => index).filter((index) => {
    const { role } = model.members[index].row;
    const isTask = role !== 'standing' || rate(index) > 0;
    return !isEnded(model.states[index]) && isTask && isNumber(rate(index));
  });
  return living.sort((a, b) => rate(a) - rate(b) || a - b).slice(0, most);
}
