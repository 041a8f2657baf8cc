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

/** Below this, the first part of a position tells seconds and the second microseconds, as OrderShop v2 wrote them. */
const FIRST_MILLISECOND = 1e11;

/**
 * The time of a position, in microseconds since 1970.
 *
 * @param {string} position
 */
function microsOf(position) {
  const [first = 0, second = 0] = position.split('-').map(Number);
  return first < FIRST_MILLISECOND ? first * 1e6 + second : first * 1e3;
}

/** @param {string} position */
export const millisOf = (position) => Math.floor(microsOf(position) / 1e3);

/**
 * How much time lies between two positions.
 *
 * @param {string} from
 * @param {string} to
 */
export const between = (from, to) => duration((microsOf(to) - microsOf(from)) / 1e6);

const LAST = 18_446_744_073_709_551_615n;

/**
 * The position right after one: what comes before it ends with that one.
 *
 * @param {string} position
 */
export function positionAfter(position) {
  const [first = 0n, second = 0n] = position.split('-').map(BigInt);
  return second < LAST ? `${first}-${second + 1n}` : `${first + 1n}-0`;
}

/**
 * The position right before one: what comes after it begins with that one.
 *
 * @param {string} position
 */
export function positionBefore(position) {
  const [first = 0n, second = 0n] = position.split('-').map(BigInt);
  if (second > 0n) return `${first}-${second - 1n}`;
  return first > 0n ? `${first - 1n}-${LAST}` : '0-0';
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
 * The beginning of an identifier, enough to tell it from its neighbours; positions, which begin alike, whole.
 *
 * @param {string} id
 */
export const short = (id) => (id.length > 12 && !/^\d+-\d+$/.test(id) ? `${id.slice(0, 8)}…` : id);
