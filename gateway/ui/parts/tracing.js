/** What a trace is of, asked for: an event or a command, with what is known of each event's data. */

import { api, ApiError, get } from '../core/api.js';
import { contentOf, labelOf } from '../core/domain.js';
import { comparePositions, positionBefore } from '../core/format.js';

/** @typedef {import('../core/types.js').Trace} Trace */
/** @typedef {import('../core/types.js').LogEvent} LogEvent */
/** @typedef {import('../core/tree.js').Node} Node */

/** How many events of the log are looked at for what cards say. */
const MOST = 1_000;

/**
 * The trace of an event or a command; of a command that led to no event, what became of it.
 *
 * @param {string} id
 * @param {{at?: string | undefined, log?: string | undefined}} where
 * @param {AbortSignal} signal
 * @returns {Promise<Trace>}
 */
export async function traceOf(id, { at, log }, signal) {
  try {
    return await get(api('trace', id), { at, log }, { signal });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404 || log) throw error;
    const fate = await get(api('commands', id), {}, { signal }).catch(() => Promise.reject(error));
    return { root: { kind: 'command', id, asked: true, effects: [], fate }, events: 0, truncated: false, searched: true };
  }
}

/**
 * Where the first and the last event of a tree stand.
 *
 * @param {Node[]} nodes
 * @returns {[string, string] | null}
 */
export function endsOf(nodes) {
  const positions = nodes.flatMap(({ what }) => (what.event ? [what.event.position] : [])).sort(comparePositions);
  const [first, last] = [positions[0], positions.at(-1)];
  return first && last ? [first, last] : null;
}

/**
 * The data of a tree's events, as far as the log's next page from its first event has them.
 *
 * @param {Node[]} nodes
 * @param {string | undefined} log
 * @param {AbortSignal} signal
 * @returns {Promise<Map<string, LogEvent>>}
 */
export async function dataOf(nodes, log, signal) {
  const ends = endsOf(nodes);
  if (!ends) return new Map();
  const topics = [...new Set(nodes.flatMap(({ what }) => (what.event ? [what.event.topic] : [])))];
  const asked = { after: positionBefore(ends[0]), limit: MOST, topic: topics.join(','), log };
  /** @type {{events: LogEvent[]}} */
  const { events } = await get(api('log'), asked, { signal });
  const wanted = new Set(nodes.map(({ id }) => id));
  return new Map(events.filter(({ event_id }) => wanted.has(event_id)).map((event) => [event.event_id, event]));
}

/**
 * What cards say of their events.
 *
 * @param {Map<string, LogEvent>} events
 */
export const labelsOf = (events) =>
  new Map([...events].map(([id, { topic, data }]) => [id, labelOf(topic, contentOf(topic, data)).slice(0, 60)]));
