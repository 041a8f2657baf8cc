/** Figures, times and identifiers as people read them. */

const whole = new Intl.NumberFormat('en-US');

/** @param {number | bigint | null | undefined} number */
export const count = (number) => (number === null || number === undefined ? '–' : whole.format(number));

/**
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** @param {number} perSecond */
export const rate = (perSecond) => (perSecond >= 10 || perSecond === 0 ? count(Math.round(perSecond)) : perSecond.toFixed(1));

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * Milliseconds since 1970. A first part below 10^11 is seconds, with microseconds behind it: so OrderShop v2 wrote them.
 *
 * @param {string} position
 */
export function millisOf(position) {
  const [first = 0, second = 0] = position.split('-').map(Number);
  return first < 1e11 ? first * 1000 + Math.floor(second / 1000) : first;
}

/**
 * Log order of positions.
 *
 * @param {string} a
 * @param {string} b
 */
export function comparePositions(a, b) {
  const [[ma = 0n, sa = 0n], [mb = 0n, sb = 0n]] = [a, b].map((position) => position.split('-').map(BigInt));
  return ma < mb ? -1 : ma > mb ? 1 : sa < sb ? -1 : sa > sb ? 1 : 0;
}

/** @param {Date} date */
const iso = (date) => (Number.isNaN(date.getTime()) ? null : date.toISOString());

/**
 * Day and time of a position, in UTC; nothing for one that is no time.
 *
 * @param {string} position
 * @returns {{day: string, time: string} | null}
 */
export function timeOf(position) {
  const text = iso(new Date(millisOf(position)));
  if (text === null || millisOf(position) === 0) return null;
  const [day = '', time = ''] = text.split('T');
  return { day, time: time.replace('Z', '') };
}

/**
 * The beginning of an identifier, enough to tell it from its neighbours.
 *
 * @param {string} id
 */
export const short = (id) => (id.length > 12 ? `${id.slice(0, 8)}…` : id);
