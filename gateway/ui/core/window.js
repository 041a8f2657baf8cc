/**
 * A part of the log that is being looked at: some thousand events in log order, with the rest of the log a page away in
 * both directions. However long the log is, no more than this is held.
 */

import { signal } from '@preact/signals';
import { api, get } from './api.js';
import { comparePositions, positionAfter } from './format.js';
import { asText } from './json.js';

/** @typedef {import('./types.js').LogEvent} LogEvent */

/**
 * @typedef {object} Filter
 * @property {string[]} topics any of these; none for all
 * @property {string} entity a row's key
 * @property {string} text
 */

/**
 * @typedef {(where: {before?: string | null | undefined, after?: string}) =>
 *   Promise<{events: LogEvent[], from: string | null, to: string | null, more: boolean}>} Asking
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
    /** How far back the log has been looked through. */
    this.from = signal(/** @type {string | null} */ (null));
    /** How far forward. */
    this.to = /** @type {string | null} */ (null);
    /** @type {LogEvent[] | null} what came while nobody followed; nothing when that was too much */
    this.held = [];
    this.aborter = new AbortController();
  }

  /** Loads the first page, and further back until there is something to see. */
  begin() {
    return this.#load(async (ask) => {
      const page = await ask({ before: this.upTo ? positionAfter(this.upTo) : undefined });
      // What came meanwhile is later than the page, or in it.
      const later = newTo(page.events, this.events.value);
      this.events.value = [...page.events, ...later];
      [this.from.value, this.to] = [page.from, later.at(-1)?.position ?? page.to];
      this.hasOlder.value = page.more;
      if (page.events.length === 0 && page.more) await this.#back(ask);
    });
  }

  /** Loads what comes before the first event. */
  older() {
    if (!this.hasOlder.value || this.isLoading.value) return undefined;
    return this.#load((ask) => this.#back(ask));
  }

  /** Loads the page after the last event. */
  newer() {
    if (!this.hasNewer.value || this.isLoading.value) return undefined;
    return this.#load(async (ask) => {
      const page = await ask({ after: this.to ?? '0-0' });
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
    const all = [...this.events.value, ...newTo(this.events.value, events)];
    if (all.length > MOST) {
      let gone = all.length - MOST;
      // Events that share a position go together: what comes before it can be asked for, and not a part of it.
      while (all[gone]?.position === all[gone - 1]?.position) gone += 1;
      all.splice(0, gone);
      this.from.value = all[0]?.position ?? this.from.value;
      this.hasOlder.value = true;
    }
    this.events.value = all;
  }

  /**
   * Goes back until there is something to see: the gateway looks through a part of the log at a time, and what passes the
   * filter may be far away.
   *
   * @param {Asking} ask
   */
  async #back(ask) {
    let page;
    do {
      page = await ask({ before: this.from.value });
      this.from.value = page.from ?? this.from.value;
      this.hasOlder.value = page.more && page.from !== null;
    } while (page.events.length === 0 && this.hasOlder.value);
    const events = [...page.events, ...this.events.value];
    if (events.length > MOST) {
      let most = MOST;
      while (events[most]?.position === events[most - 1]?.position) most -= 1;
      events.length = most;
      this.hasNewer.value = true;
      this.isFollowing.value = false;
      this.to = events[most - 1]?.position ?? null;
    }
    this.events.value = events;
  }

  /**
   * Loads something; what is being loaded already is overtaken.
   *
   * @param {(ask: Asking) => Promise<void>} loading
   */
  async #load(loading) {
    this.aborter.abort();
    const aborter = (this.aborter = new AbortController());
    const { topics, entity, text } = this.filter;
    this.isLoading.value = true;
    try {
      await loading(async (where) => {
        const asked = { ...where, limit: PAGE, topic: topics.join(','), entity, text };
        const page = await get(api('log'), asked, { signal: aborter.signal });
        aborter.signal.throwIfAborted();
        return page;
      });
      this.error.value = null;
    } catch (error) {
      if (!aborter.signal.aborted) this.error.value = /** @type {Error} */ (error);
    } finally {
      if (aborter === this.aborter) this.isLoading.value = false;
    }
  }
}

/**
 * Those of `events` that come later than what is `held`: two may share a position, and a page may begin with what is there.
 *
 * @param {LogEvent[]} held
 * @param {LogEvent[]} events
 */
function newTo(held, events) {
  const last = held.at(-1);
  if (!last) return events;
  const ids = new Set();
  for (let index = held.length - 1; held[index]?.position === last.position; index -= 1) ids.add(held[index]?.event_id);
  return events.filter((event) => {
    const order = comparePositions(event.position, last.position);
    return order > 0 || (order === 0 && !ids.has(event.event_id));
  });
}
