// What is said of each part of a cluster as a whole, its troubles in the order of their weight, and HDFS's files.
// No DOM.
import { PARTS, objects, problemOf, texts, troubleHeads } from './cluster_rows.js';
import { bytes, clean, count, isNumber, plural } from './format.js';

/**
 * @typedef {{ part: string, kind: string, state: string, details: string,
 *   share: { value: number, most: number, words: string }|null }} PartSum `share`: what of it is taken
 * @typedef {{ name: string, host: string, words: string }} Trouble
 */

/** Names as the server uses them in troubles. */
const HEADS = { zookeeper: 'ensemble', hdfs: 'hdfs', yarn: 'yarn', kafka: 'kafka', members: 'heartline' };
/** The worst first: what stops everything, then a whole service, then one of its parts. */
const WEIGHTS = ['ensemble', 'hdfs', 'hdfs /', 'yarn', 'kafka', 'heartline', 'zookeeper', 'namenode', 'journalnode',
  'resourcemanager', 'datanode', 'broker', 'nodemanager', 'zkfc'];

/** @param {any} status @returns {PartSum[]} */
export function clusterSums(status) {
  const heads = troubleHeads(status);
  /** @type {PartSum[]} */
  const sums = [];
  const add = (/** @type {keyof typeof HEADS} */ part, /** @type {string} */ kind, /** @type {string} */ state,
    /** @type {(string|null)[]} */ details, /** @type {PartSum['share']} */ share = null) => {
    sums.push({ part, kind: heads.has(HEADS[part]) ? 'bad' : kind, state: clean(state, 80),
      details: clean(details.filter((one) => one).join(', ')), share });
  };
  zookeeper(status, add);
  if (objects(status.namenodes).length > 0) hdfs(status, add);
  if (objects(status.resourcemanagers).length > 0) yarn(status, add);
  if (typeof status.kafka === 'object' && status.kafka !== null) kafka(status, add);
  members(status.heartline, add);
  return sums;
}

/** @param {any} status @param {Function} add */
function zookeeper(status, add) {
  const modes = new Set(['leader', 'follower', 'standalone']);
  const servers = objects(status.ensemble);
  const serving = servers.filter((one) => one.observes !== true && modes.has(one.mode)).length;
  const leader = servers.find((one) => one.mode === 'leader');
  add('zookeeper', status.quorum === true ? 'well' : 'bad', status.quorum === true ? 'quorum' : 'no quorum', [
    `${count(serving)} of ${plural(status.voters, 'voter')} serve`, leader ? `leader ${clean(leader.host, 60)}` : null,
  ]);
}

/** @param {any[]} list @param {string} what */
function active(list, what) {
  const all = list.filter((one) => one.state === 'active');
  if (all.length === 1) return { kind: 'well', state: `active ${all[0].id ?? all[0].host}`, one: all[0] };
  return { kind: 'bad', state: all.length === 0 ? `no active ${what}` : `more than one active ${what}`, one: null };
}

/** @param {any} status @param {Function} add */
function hdfs(status, add) {
  const { kind, state, one } = active(objects(status.namenodes), 'namenode');
  const listed = objects(status.datanodes).map(({ listed: entry }) => entry).filter((entry) => entry);
  const live = listed.filter((entry) => entry.live === true).length;
  const share = one && isNumber(one.used) && isNumber(one.capacity) && one.capacity > 0
    ? { value: one.used, most: one.capacity, words: `${bytes(one.used)} of ${bytes(one.capacity)} used` } : null;
  add('hdfs', kind, state, [`${plural(live, 'live datanode')}, ${count(listed.length - live)} dead`,
    isNumber(one?.missing_blocks) ? `${plural(one.missing_blocks, 'block')} missing` : null], share);
}

/** @param {any} status @param {Function} add */
function yarn(status, add) {
  const { kind, state } = active(objects(status.resourcemanagers), 'resourcemanager');
  const nodes = objects(status.nodemanagers).map(({ listed }) => listed).filter((listed) => listed);
  const running = nodes.filter((node) => node.state === 'RUNNING');
  const sum = (/** @type {string} */ key) => running.map((node) => node[key]).filter(isNumber)
    .reduce((all, one) => all + one, 0);
  const [used, most] = [sum('used_memory_mb'), sum('used_memory_mb') + sum('free_memory_mb')];
  const share = most > 0 ? { value: used, most, words: `${count(used)} of ${count(most)} MB taken` } : null;
  add('yarn', kind, state, [`${count(running.length)} of ${plural(nodes.length, 'node')} run`,
    plural(sum('containers'), 'container')], share);
}

/** @param {any} status @param {Function} add */
function kafka({ kafka: told, brokers }, add) {
  const problem = problemOf(told);
  if (problem !== null) {
    add('kafka', 'bad', 'not known', [problem]);
    return;
  }
  const registered = Array.isArray(told.brokers) ? told.brokers.length : 0;
  const [under, offline] = [texts(told.under_replicated), texts(told.offline)];
  const isLed = isNumber(told.controller);
  add('kafka', isLed && under.length + offline.length === 0 ? 'well' : 'bad',
    isLed ? `controller ${told.controller}` : 'no controller', [
      `${count(registered)} of ${plural(Math.max(registered, objects(brokers).length), 'broker')}`,
      plural(told.partitions, 'partition'), `${count(under.length)} under-replicated`,
      offline.length > 0 ? `${count(offline.length)} without a leader` : null,
    ]);
}

/** @param {any} group @param {Function} add */
function members(group, add) {
  const problem = problemOf(group);
  if (!group || problem !== null) {
    add('members', 'bad', 'not known', [problem]);
    return;
  }
  // Between two jobs there are no members.
  add('members', typeof group.master === 'string' ? 'well' : 'standby',
    typeof group.master === 'string' ? `master ${clean(group.master, 50)}` : 'no master', [
      plural(group.members, 'member'),
      ...['stalled', 'dead', 'late'].map((key) => {
        const names = texts(group[key]);
        return names.length > 0 ? `${count(names.length)} ${key}` : null;
      }),
    ]);
}

/** The troubles, the worst first. @param {any} status @returns {Trouble[]} */
export function troubles(status) {
  const weighed = texts(status.troubles).map((text, at) => {
    const end = text.indexOf(': ');
    const head = end < 0 ? '' : text.slice(0, end);
    const [, name = head, host = ''] = /^(.*?) on (.*)$/s.exec(head) ?? [];
    const weight = WEIGHTS.indexOf(host === '' ? name : name.split(' ')[0]);
    return { at, weight: weight < 0 ? WEIGHTS.length : weight, trouble: { name: clean(name, 80),
      host: clean(host, 120), words: clean(end < 0 ? text : text.slice(end + 2)) } };
  });
  return weighed.sort((a, b) => a.weight - b.weight || a.at - b.at).map(({ trouble }) => trouble);
}

/** The title of a part. @param {string} part */
export function partTitle(part) {
  return PARTS.get(part) ?? part;
}

/** The files in HDFS's `/`; null without HDFS. @param {any} status */
export function rootFiles(status) {
  const { root } = status;
  if (typeof root !== 'object' || root === null) return null;
  return { files: objects(root), problem: Array.isArray(root) ? '' : problemOf(root) ?? 'it is not told' };
}
