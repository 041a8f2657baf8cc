/** From one moment to another: so many events further, or back. */

import { api, get } from './api.js';

/** @typedef {import('./types.js').LogEvent} LogEvent */

/** Before the first event. */
export const NOTHING = '0-0';

/** The end of the log, wherever that is by now. */
export const END = '';

/** How many events may be asked for at once. */
const MOST = 1_000;

/**
 * The moment right after the `count`-th event from `at`; the end, when there are fewer.
 *
 * @param {string} at
 * @param {number} count
 * @param {string | null} log
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
export async function forward(at, count, log, signal) {
  for (let [after, left] = [at, count]; ; ) {
    const { events, to, more } = await get(api('log'), { after, limit: Math.min(left, MOST), log }, { signal });
    left -= events.length;
    if (left <= 0) return events.at(-1).position;
    if (!more || !to) return END;
    after = to;
  }
}

/**
 * The moment `count` events before the one at `before`; that before the first event, when there are fewer.
 *
 * @param {string} before
 * @param {number} count
 * @param {string | null} log
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
export async function back(before, count, log, signal) {
  for (let left = count; ; ) {
    const { events, from, more } = await get(api('log'), { before, limit: Math.min(left, MOST), log }, { signal });
    left -= events.length;
    if (left <= 0) return events[0].position;
    if (!more || !from) return NOTHING;
    before = from;
  }
}

/**
 * A place with no number rather than 0 where events have none.
 *
 * @param {import('./types.js').Place} place
 * @returns {import('./types.js').Place}
 */
export const placed = (place) => (place.number === 0 && place.position !== NOTHING ? { ...place, number: null } : place);

/**
 * What somebody typed as the gateway takes it: digits alone are an event's number.
 *
 * @param {string} typed
 */
export function momentOf(typed) {
  const text = typed.trim().replaceAll(/(?<=\d)[,\u202f](?=\d{3}\b)/g, '');
  if (/^\d+$/.test(text)) return `#${text}`;
  // A time without a zone is UTC, as all times here are.
  const time = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d(?:\.\d+)?)?$/.exec(text);
  return time ? `${time[1]}T${time[2]}${time[3] ?? ':00'}Z` : text;
}
