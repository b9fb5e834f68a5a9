// Where a recording comes from: from the server, or from within the page if it was exported as one file.
import { clean, isNumber, millis } from './format.js';

/** Maximum number of events of a recording that the page takes. */
const MOST_EVENTS = 20_000;
/** Maximum number of blocks: a week of blocks of two seconds. */
const MOST_BLOCKS = 400_000;
/** An event that is older than the recording by less may come from another clock. */
const BEFORE_MS = 2000;

/**
 * @typedef {{ number: number, from: number, to: number, is_key: boolean }} Block
 * @typedef {{ at: number, event: Record<string, any> }} RecordedEvent
 * @typedef {{ from: number, to: number, blocks: Block[], events: RecordedEvent[], unlisted: number,
 *   problem: string }} About times in milliseconds since 1970
 * @typedef {{ about(): Promise<About>, block(number: number): Promise<string> }} Source
 */

/** A recording that the server reads. @param {(path: string) => string} url @param {number} job @returns {Source} */
export function servedRecording(url, job) {
  const answer = async (/** @type {string} */ path) => {
    const got = await fetch(url(`api/v1/jobs/${job}/recording${path}`));
    if (!got.ok) throw new Error(`the server answers ${got.status}`);
    return got;
  };
  return {
    about: async () => checked(await (await answer('')).json()),
    block: async (number) => (await answer(`/blocks/${number}`)).text(),
  };
}

/** What an exported page holds; null in a page of a server. @returns {any[]|null} */
export function embeddedJobs() {
  const element = document.getElementById('recording');
  if (!element) return null;
  const text = element.textContent ?? '';
  // The text can have hundreds of megabytes: it is not kept twice.
  element.remove();
  try {
    const { jobs } = JSON.parse(text);
    return Array.isArray(jobs) ? jobs.filter((job) => Number.isInteger(job?.id)) : [];
  } catch {
    return [];
  }
}

/** A recording within the page. @param {any} job one of `embeddedJobs()` @returns {Source} */
export function embeddedRecording(job) {
  return {
    about: async () => checked(job.recording),
    block: async (number) => {
      const packed = job.blocks?.[number];
      if (typeof packed !== 'string') throw new Error('it is not in this page');
      const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
      const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
      return new Response(unpacked).text();
    },
  };
}

/** Takes what is usable of the answer about a recording. @param {any} told @returns {About} */
function checked(told) {
  const isSpan = (/** @type {any} */ one) => isNumber(one?.from) && isNumber(one?.to) && one.from <= one.to;
  if (!isSpan(told) || !Array.isArray(told.blocks)) throw new Error('the answer is no recording');
  const blocks = told.blocks.slice(0, MOST_BLOCKS).filter((/** @type {any} */ block) => isSpan(block)
    && Number.isInteger(block.number));
  const listed = Array.isArray(told.events) ? told.events : [];
  const events = [];
  for (const { at, event } of listed.slice(0, MOST_EVENTS)) {
    // The stream tells an event together with its number.
    const inner = typeof event?.event === 'object' ? event.event : event;
    if (!isNumber(at) || typeof inner?.event !== 'string') continue;
    // The first picture tells events from before the recording; they have its time.
    const time = millis(inner.time);
    events.push({ at: time < told.from - BEFORE_MS ? time : at, event: inner });
  }
  events.sort((a, b) => a.at - b.at);
  const more = isNumber(told.unlisted_events) ? told.unlisted_events : 0;
  return { from: told.from, to: told.to, blocks, events, unlisted: more + Math.max(0, listed.length - MOST_EVENTS),
    problem: clean(told.problem) };
}
