/** Rows as they are by now, from answers and from events, in whichever order these come. */

import { comparePositions, computed, signal } from 'retrace';

/** @typedef {import('retrace').LogEvent} LogEvent */

/** How many rows that are not listed are kept, in case an older answer lists them. */
const OTHERS = 1_000;

/**
 * A list of rows in which none is ever put over a newer one.
 *
 * @template {{entity_id: string}} Row
 */
export class Rows {
  /** What is known of each row, and as of when; nothing for one that is gone. @type {Map<string, {row: Row | null, at: string}>} */
  #known = new Map();
  /** Which are listed, in order; nothing until there is an answer. */
  #listed = signal(/** @type {string[] | null} */ (null));
  #topic;
  #most;
  #isNewestFirst;

  /**
   * @param {string} topic
   * @param {number} most up to how many rows events add to the list
   * @param {boolean} [isNewestFirst] at its beginning, not its end
   */
  constructor(topic, most, isNewestFirst = false) {
    this.#topic = topic;
    this.#most = most;
    this.#isNewestFirst = isNewestFirst;
    /** Nothing until there is an answer. */
    this.listed = computed(() => this.#listed.value?.flatMap((id) => this.#known.get(id)?.row ?? []) ?? null);
  }

  /**
   * Lists the rows of an answer after those that are there.
   *
   * @param {Row[]} rows
   * @param {(row: Row) => string} at as of when
   */
  take(rows, at) {
    for (const row of rows) this.#put(row.entity_id, row, at(row));
    const isFirst = this.#listed.value === null;
    this.#list([...(this.#listed.value ?? []), ...rows.map((row) => row.entity_id)]);
    // What came before the answer did, and is not in it, is newer.
    if (isFirst) for (const id of [...this.#known.keys()]) this.#add(id);
  }

  /**
   * Lists a row first, whatever falls off the end for it.
   *
   * @param {Row} row
   * @param {string} at as of when
   */
  show(row, at) {
    this.#put(row.entity_id, row, at);
    this.#list([row.entity_id, ...(this.#listed.value ?? [])].slice(0, this.#most));
  }

  /** Takes what events say. @param {LogEvent[]} events */
  hear(events) {
    let isHeard = false;
    for (const { topic, action, data, key, position } of events) {
      const id = key ?? data?.entity_id;
      const isGone = action === `${topic}_deleted`;
      if (topic !== this.#topic || !id || (!data && !isGone)) continue;
      this.#put(id, isGone ? null : data, position);
      if (this.#listed.value) this.#add(id);
      isHeard = true;
    }
    if (!isHeard) return;
    if (this.#listed.value) this.#list(this.#listed.value);
    this.#forget();
  }

  clear() {
    this.#known.clear();
    this.#listed.value = null;
  }

  /**
   * @param {string} id
   * @param {Row | null} row
   * @param {string} at
   */
  #put(id, row, at) {
    const before = this.#known.get(id);
    if (before && comparePositions(at, before.at) < 0) return;
    this.#known.delete(id);
    this.#known.set(id, { row, at });
  }

  /** Lists a row as well, while there is room. @param {string} id */
  #add(id) {
    const ids = this.#listed.value ?? [];
    if (ids.length < this.#most && !ids.includes(id)) this.#list(this.#isNewestFirst ? [id, ...ids] : [...ids, id]);
  }

  /** Those that are still there, each once; always anew, so that who shows them looks again. @param {string[]} ids */
  #list(ids) {
    this.#listed.value = [...new Set(ids)].filter((id) => this.#known.get(id)?.row);
  }

  /** Forgets the oldest of the rows that nobody shows. */
  #forget() {
    const listed = new Set(this.#listed.value);
    let excess = this.#known.size - listed.size - OTHERS;
    if (excess <= 0) return;
    for (const id of [...this.#known.keys()]) {
      if (excess <= 0) return;
      if (!listed.has(id) && this.#known.delete(id)) excess -= 1;
    }
  }
}
