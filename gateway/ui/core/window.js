/**
 * A part of the log that is being looked at: some thousand events in log order, with the rest of the log a page away in
 * both directions. However long the log is, no more than this is held.
 */

import { signal } from '@preact/signals';
import { api, get } from './api.js';
import { comparePositions } from './format.js';
import { asText } from './json.js';

/** @typedef {import('./types.js').LogEvent} LogEvent */

/**
 * @typedef {object} Filter
 * @property {string[]} topics any of these; none for all
 * @property {string} entity a row's key
 * @property {string} text
 */

/** How many events a page has. */
const PAGE = 200;

/** How many events are held; when more come, those at the other end go. */
const MOST = 3_000;

/** How many events may come while nobody follows before they are asked for again instead of kept. */
const MOST_HELD = 1_000;

export class LogWindow {
  /**
   * @param {Filter} filter
   * @param {{upTo?: string | undefined}} [where] begins with what had happened by this moment, rather than now
   */
  constructor(filter, { upTo } = {}) {
    this.filter = filter;
    this.upTo = upTo;
    /** In log order. */
    this.events = signal(/** @type {LogEvent[]} */ ([]));
    /** How many events that pass the filter have come since it was last followed. */
    this.fresh = signal(0);
    this.isFollowing = signal(upTo === undefined);
    this.hasOlder = signal(true);
    this.hasNewer = signal(upTo !== undefined);
    this.error = signal(/** @type {Error | null} */ (null));
    this.isLoading = signal(false);
    /** How far the log has been looked through, in both directions. */
    this.from = /** @type {string | null} */ (null);
    this.to = /** @type {string | null} */ (null);
    /** @type {LogEvent[] | null} what came while nobody followed; nothing when that was too much */
    this.held = [];
    this.aborter = new AbortController();
  }

  /** Loads the first page. */
  begin() {
    return this.#load(async (signal) => {
      const page = await this.#page({ before: this.upTo ? `${bump(this.upTo)}` : undefined }, signal);
      // What came meanwhile is later than the page, or in it.
      const last = page.events.at(-1);
      const later = last ? this.events.value.filter((event) => isAfter(event, last)) : this.events.value;
      this.events.value = [...page.events, ...later];
      [this.from, this.to] = [page.from, later.at(-1)?.position ?? page.to];
      this.hasOlder.value = page.more;
    });
  }

  /** Loads the page before the first event. */
  older() {
    if (!this.hasOlder.value || this.isLoading.value || this.from === null) return undefined;
    return this.#load(async (signal) => {
      const page = await this.#page({ before: this.from }, signal);
      const events = [...page.events, ...this.events.value];
      if (events.length > MOST) {
        events.length = MOST;
        this.hasNewer.value = true;
        this.isFollowing.value = false;
        this.to = events[MOST - 1]?.position ?? null;
      }
      this.from = page.from ?? this.from;
      this.hasOlder.value = page.more;
      this.events.value = events;
    });
  }

  /** Loads the page after the last event. */
  newer() {
    if (!this.hasNewer.value || this.isLoading.value) return undefined;
    return this.#load(async (signal) => {
      const page = await this.#page({ after: this.to ?? '0-0' }, signal);
      this.to = page.to ?? this.to;
      this.hasNewer.value = page.more;
      this.#add(page.events);
    });
  }

  /** Goes on at the log's head. */
  async follow() {
    const { held } = this;
    this.fresh.value = 0;
    this.held = [];
    this.isFollowing.value = true;
    if (held !== null && !this.hasNewer.value) {
      this.#add(held);
    } else {
      this.hasNewer.value = false;
      this.upTo = undefined;
      this.events.value = [];
      await this.begin();
    }
  }

  /** Stays where it is, whatever comes. */
  pause() {
    this.isFollowing.value = false;
  }

  /**
   * Takes events as they happen.
   *
   * @param {LogEvent[]} events
   */
  take(events) {
    const wanted = events.filter((event) => this.isWanted(event));
    if (wanted.length === 0) return;
    if (this.isFollowing.value) {
      this.#add(wanted);
      this.to = wanted.at(-1)?.position ?? this.to;
      return;
    }
    this.fresh.value += wanted.length;
    this.held = this.held && this.held.length + wanted.length <= MOST_HELD ? [...this.held, ...wanted] : null;
  }

  /** Nobody looks any more. */
  close() {
    this.aborter.abort();
  }

  /**
   * Whether an event passes the filter: the same rules as the gateway's.
   *
   * @param {LogEvent} event
   */
  isWanted(event) {
    const { topics, entity, text } = this.filter;
    if (topics.length > 0 && !topics.includes(event.topic)) return false;
    if (entity && event.key !== entity) return false;
    if (!text) return true;
    const sought = text.toLowerCase();
    const texts = [event.action, event.event_id, event.key ?? '', asText(event.data)];
    return texts.some((text) => text.toLowerCase().includes(sought));
  }

  /** @param {LogEvent[]} events */
  #add(events) {
    const last = this.events.value.at(-1);
    const added = last ? events.filter((event) => isAfter(event, last)) : events;
    const all = [...this.events.value, ...added];
    if (all.length > MOST) {
      all.splice(0, all.length - MOST);
      this.from = all[0]?.position ?? this.from;
      this.hasOlder.value = true;
    }
    this.events.value = all;
  }

  /**
   * @param {{before?: string | null | undefined, after?: string}} where
   * @param {AbortSignal} signal
   * @returns {Promise<{events: LogEvent[], from: string | null, to: string | null, more: boolean}>}
   */
  #page(where, signal) {
    const { topics, entity, text } = this.filter;
    return get(api('log'), { ...where, limit: PAGE, topic: topics.join(','), entity, text }, { signal });
  }

  /** @param {(signal: AbortSignal) => Promise<void>} loading */
  async #load(loading) {
    this.isLoading.value = true;
    try {
      await loading(this.aborter.signal);
      this.error.value = null;
    } catch (error) {
      if (!this.aborter.signal.aborted) this.error.value = /** @type {Error} */ (error);
    } finally {
      this.isLoading.value = false;
    }
  }
}

/**
 * Whether an event comes later in the log; two may share a position.
 *
 * @param {LogEvent} event
 * @param {LogEvent} last
 */
function isAfter(event, last) {
  const order = comparePositions(event.position, last.position);
  return order > 0 || (order === 0 && event.event_id !== last.event_id);
}

/**
 * The position right after one, so that what stands at it is among what comes before.
 *
 * @param {string} position
 */
function bump(position) {
  const [ms = '0', seq = '0'] = position.split('-');
  return `${ms}-${BigInt(seq) + 1n}`;
}
