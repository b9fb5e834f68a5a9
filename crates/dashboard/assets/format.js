// Numbers, times and texts of others, as people read them. Pure.

// Control characters, marks that turn the direction of text, invisible characters and halves of surrogate pairs.
const UNSHOWABLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\p{Cs}]/gu;
const NOTHING = '–';

/**
 * A text of others on one line: what cannot be shown becomes U+FFFD, a long text loses its middle.
 * @param {unknown} text @param {number} [most] maximum number of characters
 */
export function clean(text, most = 300) {
  if (text === null || text === undefined) return '';
  let shown = String(text);
  // Cut before the replacement: a text may have megabytes.
  if (shown.length > most) {
    const half = Math.floor((most - 1) / 2);
    shown = `${shown.slice(0, half)}…${shown.slice(-half)}`;
  }
  return shown.replace(UNSHOWABLE, '\ufffd');
}

/** A text of others with line feeds and tabs. @param {unknown} text @param {number} [most] */
export function cleanLines(text, most = 200_000) {
  const all = String(text ?? '');
  const shown = all.length > most ? `${all.slice(0, most)}\n… ${all.length - most} more characters` : all;
  const lines = shown.replace(/\r\n/g, '\n');
  return lines.replace(UNSHOWABLE, (one) => (one === '\n' || one === '\t' ? one : '\ufffd'));
}

/** @param {unknown} value @returns {value is number} */
export function isNumber(value) {
  return typeof value === 'number' && Number.isFinite(value);
}

const two = (/** @type {number} */ value) => String(value).padStart(2, '0');
const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/** @param {unknown} value */
export function count(value) {
  return isNumber(value) ? whole.format(value) : NOTHING;
}

/** A rate or another number of any size: `0.4`, `812`, `12,345`, `1.2 M`. @param {unknown} value */
export function short(value) {
  if (!isNumber(value)) return NOTHING;
  const size = Math.abs(value);
  if (size >= 1e9) return `${tenth.format(value / 1e9)} G`;
  if (size >= 1e6) return `${tenth.format(value / 1e6)} M`;
  return size < 10 && !Number.isInteger(value) ? tenth.format(value) : whole.format(value);
}

/** @param {unknown} value */
export function bytes(value) {
  if (!isNumber(value)) return NOTHING;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let size = value;
  let unit = 0;
  while (Math.abs(size) >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? whole.format(size) : tenth.format(size)} ${units[unit]}`;
}

/** @param {unknown} ms milliseconds */
export function duration(ms) {
  if (!isNumber(ms)) return NOTHING;
  const size = Math.max(0, ms);
  if (size < 10) return `${size.toFixed(1)} ms`;
  if (size < 1000) return `${Math.round(size)} ms`;
  const seconds = size / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  const rest = Math.floor(seconds % 60);
  if (minutes < 60) return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A length of time as on a clock: `2:05`, `1:02:05`. @param {number} ms milliseconds */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** @param {unknown} value 0 to 100 */
export function percent(value) {
  return isNumber(value) ? `${value.toFixed(value > 0 && value < 10 ? 1 : 0)} %` : NOTHING;
}

/** Milliseconds since 1970 of a time as text; NaN if it is none. @param {unknown} time */
export function millis(time) {
  return typeof time === 'string' ? Date.parse(time) : NaN;
}

/** The local time of day: `21:56:25.123`. @param {unknown} time @param {boolean} [isExact] with milliseconds */
export function clock(time, isExact = false) {
  return timeOfDay(millis(time), isExact);
}

/** The local time of day. @param {number} at milliseconds since 1970 @param {boolean} [isExact] with milliseconds */
export function timeOfDay(at, isExact = false) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return NOTHING;
  const day = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return isExact ? `${day}.${String(date.getMilliseconds()).padStart(3, '0')}` : day;
}

/** The local date: `2026-11-24`. @param {number} at milliseconds since 1970 */
export function dateOf(at) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return NOTHING;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `1 member`, `2 members`. @param {number} number @param {string} one @param {string} [many] */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** A value for a URL: halves of surrogate pairs would make encodeURIComponent fail. @param {string} text */
export function encode(text) {
  return encodeURIComponent(text.replace(/\p{Cs}/gu, '\ufffd'));
}
