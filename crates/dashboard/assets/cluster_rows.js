// The parts of a cluster as rows, from a line of `heartline cluster status --json`. What is a trouble, the server says.
// No DOM.
import { bytes, clean, count, duration, isNumber, millis, plural } from './format.js';

/** The parts in their order, with their titles. */
export const PARTS = new Map([
  ['zookeeper', 'ZooKeeper'], ['hdfs', 'HDFS'], ['yarn', 'YARN'], ['kafka', 'Kafka'], ['members', 'Members'],
]);

/**
 * @typedef {{ part: string, name: string, host: string, kind: string, state: string, details: string,
 *   search: string }} PartRow
 * `kind` is a key of PART_MARKS.
 * @typedef {{ kind: string, state: string, details: (string|null)[] }} Judged
 */

/** @param {any} value @returns {any[]} */
export function objects(value) {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'object' && one !== null) : [];
}

/** Why a part has no answer; null if it has one. @param {any} reply */
export function problemOf(reply) {
  const isAlone = typeof reply?.trouble === 'string'
    && Object.keys(reply).every((key) => ['trouble', 'host', 'id'].includes(key));
  return isAlone ? clean(reply.trouble) : null;
}

/** Which parts have a trouble: `namenode nn1 on h1`. @param {any} status */
export function troubleHeads(status) {
  return new Set(texts(status.troubles).map((text) => text.slice(0, Math.max(0, text.indexOf(': ')))));
}

/** @param {any} value @returns {string[]} */
export function texts(value) {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** @param {any} status @returns {PartRow[]} */
export function clusterRows(status) {
  const heads = troubleHeads(status);
  /** @type {PartRow[]} */
  const rows = [];
  /** @param {string} part @param {string} name @param {any} host @param {Judged} judged */
  const add = (part, name, host, judged) => {
    // A member can have any name, that of a part too.
    const isBad = part !== 'members' && heads.has(`${name} on ${host}`);
    const row = { part, name: clean(name, 80), host: clean(host, 120), kind: isBad ? 'bad' : judged.kind,
      state: clean(judged.state, 120), details: clean(judged.details.filter((one) => one).join(', ')), search: '' };
    const words = [PARTS.get(part), row.name, row.host, row.state, row.details, row.kind === 'bad' ? 'trouble' : ''];
    row.search = words.join('\n').toLowerCase();
    rows.push(row);
  };
  /** @param {string} part @param {string} what @param {any} list @param {(one: any) => Judged} judge */
  const daemons = (part, what, list, judge) => {
    for (const one of objects(list)) {
      const problem = problemOf(one);
      add(part, one.id === undefined ? what : `${what} ${one.id}`, one.host,
        problem === null ? judge(one) : silent(problem));
    }
  };
  const namenodes = objects(status.namenodes);
  const newest = namenodes.find((one) => one.state === 'active')?.transaction;
  const listens = () => ({ kind: 'well', state: 'listens', details: [] });
  daemons('zookeeper', 'zookeeper', status.ensemble, server);
  daemons('hdfs', 'namenode', namenodes, (one) => namenode(one, newest));
  daemons('hdfs', 'zkfc', status.zkfcs, listens);
  daemons('hdfs', 'journalnode', status.journalnodes, journalnode);
  for (const one of objects(status.datanodes)) add('hdfs', 'datanode', one.host, worker(one, datanode));
  daemons('yarn', 'resourcemanager', status.resourcemanagers, (one) => ({ ...led(one.state),
    details: [typeof one.zookeeper === 'string' ? `ZooKeeper ${one.zookeeper.toLowerCase()}` : null] }));
  const now = millis(status.time);
  for (const one of objects(status.nodemanagers)) {
    add('yarn', 'nodemanager', one.host, worker(one, (listed) => nodemanager(listed, now)));
  }
  const registered = Array.isArray(status.kafka?.brokers) ? status.kafka.brokers : null;
  daemons('kafka', 'broker', status.brokers, (one) => broker(one, status.kafka, registered));
  for (const [name, judged] of members(status.heartline)) add('members', name, '', judged);
  return rows;
}

/** @param {string} problem @returns {Judged} */
function silent(problem) {
  return { kind: 'bad', state: 'no answer', details: [problem === 'does not answer' ? null : problem] };
}

/** One of several that take turns. @param {unknown} state */
function led(state) {
  const kind = state === 'active' ? 'lead' : state === 'standby' || state === 'observer' ? 'standby' : 'bad';
  return { kind, state: clean(state) || 'unknown', details: [] };
}

/** @param {any} one @returns {Judged} */
function server(one) {
  const leads = one.mode === 'leader' || one.mode === 'standalone';
  const serves = leads || one.mode === 'follower' || one.mode === 'observer';
  const details = [
    typeof one.zxid === 'string' ? `zxid ${one.zxid}` : null,
    isNumber(one.znodes) ? plural(one.znodes, 'znode') : null,
    isNumber(one.connections) ? plural(one.connections, 'connection') : null,
  ];
  return { kind: leads ? 'lead' : serves ? 'standby' : 'bad', state: clean(one.mode) || 'not serving', details };
}

/** @param {any} one @param {unknown} newest the last transaction of the active one @returns {Judged} */
function namenode(one, newest) {
  const judged = led(one.state);
  const isSafe = typeof one.safe_mode === 'string';
  const isActive = judged.kind === 'lead';
  // A standby reads edits minutes later.
  const behind = !isActive && isNumber(newest) && isNumber(one.transaction) ? newest - one.transaction : 0;
  const details = [
    isSafe ? `safe mode: ${one.safe_mode.trim().split('\n')[0]}` : 'safe mode off',
    isNumber(one.transaction) ? `transaction ${count(one.transaction)}` : null,
    behind > 0 ? `${count(behind)} behind` : null,
  ];
  return { ...judged, kind: judged.kind === 'standby' && isSafe ? 'behind' : judged.kind, details };
}

/** @param {any} one @returns {Judged} */
function journalnode(one) {
  const isBehind = isNumber(one.lag) && one.lag > 0;
  const details = isNumber(one.transaction)
    ? [`transaction ${count(one.transaction)}`, isBehind ? `${count(one.lag)} behind` : null]
    : ['nothing written since its start'];
  return { kind: isBehind ? 'behind' : 'well', state: 'answers', details };
}

/** A worker that is asked itself, and listed by another. @param {any} one @param {(listed: any) => Judged} judge
 * @returns {Judged} */
function worker(one, judge) {
  const judged = one.listed ? judge(one.listed) : null;
  const problem = problemOf(one.self);
  const details = judged?.details ?? [];
  if (one.self === null) details.push('not described');
  if (problem !== null) {
    const answer = silent(problem);
    const listed = judged ? [`listed as ${judged.state}`, ...details] : [];
    return { ...answer, details: [...answer.details, ...listed] };
  }
  if (!judged) return { kind: 'behind', state: 'answers', details: ['nobody lists it', ...details] };
  const actors = Object.values(one.self?.actors ?? {});
  if (actors.length > 0 && !actors.includes('RUNNING')) details.push('works for no namenode');
  return judged;
}

/** @param {any} listed @returns {Judged} */
function datanode(listed) {
  const admin = typeof listed.admin_state === 'string' && listed.admin_state !== 'In Service'
    ? listed.admin_state.toLowerCase() : null;
  const details = [
    admin,
    isNumber(listed.used) && isNumber(listed.capacity) ? `${bytes(listed.used)} of ${bytes(listed.capacity)} used`
      : null,
    isNumber(listed.blocks) ? plural(listed.blocks, 'block') : null,
    isNumber(listed.last_contact) ? `heard ${count(listed.last_contact)} s ago` : null,
  ];
  const isLive = listed.live === true;
  return { kind: !isLive ? 'bad' : admin ? 'behind' : 'well', state: isLive ? 'live' : 'dead', details };
}

/** @param {any} listed @param {number} now @returns {Judged} */
function nodemanager(listed, now) {
  const health = typeof listed.health_report === 'string' ? listed.health_report.trim() : '';
  const ago = isNumber(listed.last_report_ms) ? now - listed.last_report_ms : NaN;
  const memory = isNumber(listed.used_memory_mb) && isNumber(listed.free_memory_mb)
    ? `${count(listed.used_memory_mb)} of ${count(listed.used_memory_mb + listed.free_memory_mb)} MB taken` : null;
  const details = [
    health || 'healthy',
    isNumber(listed.containers) ? plural(listed.containers, 'container') : null,
    memory,
    Number.isNaN(ago) ? null : `heard ${duration(ago)} ago`,
  ];
  return { kind: listed.state === 'RUNNING' ? 'well' : 'bad', state: clean(listed.state) || 'unknown', details };
}

/** @param {any} one @param {any} kafka @param {any[]|null} registered @returns {Judged} */
function broker(one, kafka, registered) {
  const id = Number(one.id);
  if (registered && !registered.includes(id)) return { kind: 'bad', state: 'not registered', details: ['listens'] };
  const leads = kafka?.controller === id;
  return { kind: leads ? 'lead' : 'well', state: leads ? 'controller' : 'listens', details: [] };
}

/** Heartline's members that matter here. @param {any} group @returns {[string, Judged][]} */
function members(group) {
  const problem = problemOf(group);
  if (!group || problem !== null) return [];
  /** @type {[string, Judged][]} */
  const rows = [];
  const details = isNumber(group.epoch) ? [`epoch ${group.epoch}`] : [];
  if (typeof group.master === 'string') rows.push([group.master, { kind: 'lead', state: 'master', details }]);
  for (const [state, kind] of [['stalled', 'bad'], ['dead', 'bad'], ['late', 'behind']]) {
    for (const name of texts(group[state])) rows.push([name, { kind, state, details: [] }]);
  }
  return rows;
}
