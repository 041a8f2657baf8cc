/**
 * The moment that a page shows, and moving it. One question is on its way at a time, and what is asked next is the newest
 * that was wanted by then: whoever drags sees what is there, and never waits for where he has been.
 */

import { batch, signal } from '@preact/signals';
import { api, ApiError, get } from './api.js';
import { contentOf } from './domain.js';
import { listen } from './feed.js';
import { millisOf } from './format.js';
import { same } from './json.js';
import { go, here, href, route, setQuery } from './route.js';
import { back, END, forward, NOTHING, placed } from './steps.js';

/** @typedef {import('./types.js').Place} Place */
/** @typedef {{topic: string | null, id: string | null, after: string | null, log: string | null}} Scope */
/** @typedef {Scope & {at: string, state: import('./types.js').State, entity: import('./types.js').Entity | null}} Shown */

/**
 * @typedef {object} Want where to go next
 * @property {string} [at] a moment; where one is, when left out
 * @property {number} by so many events from there
 * @property {number} [least] goes so many events further where that leads nowhere else
 * @property {boolean} [isPatient] waits for what is on its way, however long that takes
 */

/** A question that has been overtaken is broken off when it has taken so long; milliseconds, as all here. */
const PATIENCE = 100;

/** How often the page follows a log that grows, and how often the address is changed: browsers allow only so many. */
const [FOLLOW, WRITE] = [100, 250];

/**
 * What addresses of this view go on with: the moment that is shown, which the address may be a little behind, and the
 * pins; not the page of a table.
 *
 * @param {Shown} shown
 */
export const queryOf = ({ at }) => ({ ...route.value.query, at, after: null });

/**
 * An answer with rows as they are read.
 *
 * @param {any} answer
 */
function readable(answer) {
  const { topic, rows, change, key } = answer ?? {};
  if (change) Object.assign(change, { before: contentOf(change.topic, change.before), after: contentOf(change.topic, change.after) });
  for (const one of rows ?? []) one.row = contentOf(topic, one.row);
  if (key) answer.row = contentOf(topic, answer.row);
  return answer && { ...answer, at: placed(answer.at), head: placed(answer.head) };
}

export class Moments {
  constructor() {
    this.shown = signal(/** @type {Shown | null} */ (null));
    this.error = signal(/** @type {Error | null} */ (null));
    /** Where the slider's thumb is while the page is on its way there. */
    this.target = signal(/** @type {number | null} */ (null));
    this.head = signal(/** @type {Place | null} */ (null));
    /** When the log begins, where only times tell what is where. */
    this.begin = signal(0);
    /** Events a second while it plays, otherwise 0. */
    this.speed = signal(0);
    /** Events a second when it plays. */
    this.pace = signal(10);
    /** @type {Scope} */
    this.scope = { topic: null, id: null, after: null, log: null };
    this.at = END;
    /** @type {import('./route.js').Route | null} where the address led when it was looked at last */
    this.followed = null;
    /** @type {string | null} */
    this.written = null;
    /** @type {Want | null} */
    this.want = null;
    /** @type {Want | null} what could not be had for now, until something else is wanted */
    this.failed = null;
    /** @type {{aborter: AbortController, since: number} | null} */
    this.flight = null;
    this.timers = { overtake: 0, write: 0, follow: 0, beat: 0 };
    this.times = { write: 0, asked: 0, beat: 0 };
    this.isOver = false;
  }

  /** Follows the log. @returns {() => void} ends it */
  start() {
    const unheard = listen((events) => {
      const last = events.at(-1);
      if (!last || this.scope.log) return;
      const isLater = (last.number ?? 0) >= (this.head.value?.number ?? 0);
      if (isLater) this.head.value = { position: last.position, number: last.number, time: new Date(last.ts * 1000).toISOString() };
      this.grow();
    });
    const seen = () => this.grow();
    document.addEventListener('visibilitychange', seen);
    return () => {
      this.isOver = true;
      unheard();
      document.removeEventListener('visibilitychange', seen);
      this.flight?.aborter.abort();
      Object.values(this.timers).forEach(clearTimeout);
    };
  }

  /** The log has grown; who is at its end goes along. */
  grow() {
    if (this.at !== END || this.failed || this.timers.follow || document.hidden || this.scope.log) return;
    const follow = () => {
      this.timers.follow = 0;
      if (this.at === END && !this.want && !this.failed) this.wants({ at: END, by: 0, isPatient: true });
    };
    this.timers.follow = setTimeout(follow, Math.max(0, this.times.asked + FOLLOW - performance.now()));
  }

  /** Goes where the address says. @param {import('./route.js').Route} to */
  follow(to) {
    const { view, parts, query } = to;
    this.followed = to;
    if (view !== 'state') return;
    const { at = END, log = null } = query;
    const scope = { topic: parts[0] ?? null, id: parts[1] ?? null, after: query.after ?? null, log };
    // Another log has other moments: how long it is and where it begins is found out anew.
    const isAnother = log !== this.scope.log;
    const isMoved = this.written === null || isAnother || (at !== this.written && at !== this.at);
    const isOther = !same(scope, this.scope);
    if (isAnother) [this.begin.value, this.head.value] = [0, null];
    this.scope = scope;
    this.written = at;
    if (isMoved || isOther) {
      // Where the page was until now is no place in the new address.
      clearTimeout(this.timers.write);
      this.timers.write = 0;
    }
    if (isMoved) {
      this.pause();
      // What is on its way would be written into the address that leads elsewhere.
      this.flight?.aborter.abort();
      this.wants({ at, by: 0 });
    } else if (isOther) {
      this.wants({ by: 0 });
    }
  }

  /**
   * Goes to a moment.
   *
   * @param {string} at
   * @param {number} [least] goes so many events further where that leads nowhere else
   */
  go(at, least = 0) {
    this.pause();
    this.wants({ at, by: 0, least });
  }

  /** Goes so many events further, or back. @param {number} by */
  step(by) {
    this.pause();
    this.wants({ at: this.want?.at, by: (this.want?.by ?? 0) + by });
  }

  /** Asks again for what could not be had. */
  again() {
    this.wants(this.failed ?? { by: 0 });
  }

  /** Plays so many events a second, from the beginning when there is nothing left. @param {number} speed */
  play(speed) {
    if (this.at === END && this.speed.value === 0) this.wants({ at: NOTHING, by: 0 });
    this.times.beat = performance.now();
    this.speed.value = speed;
    this.beat();
  }

  pause() {
    this.speed.value = 0;
    clearTimeout(this.timers.beat);
  }

  /** Goes on as far as it should be by now. */
  beat() {
    clearTimeout(this.timers.beat);
    const speed = this.speed.value;
    if (speed === 0) return;
    const due = Math.floor(((performance.now() - this.times.beat) * speed) / 1000);
    if (due > 0 && !this.want && !this.flight) {
      this.times.beat += (due * 1000) / speed;
      this.wants({ by: due });
    }
    this.timers.beat = setTimeout(() => this.beat(), Math.max(16, Math.min(100, 1000 / speed)));
  }

  /** @param {Want} want */
  wants(want) {
    this.want = want;
    if (!this.flight) {
      this.next();
    } else if (want.at !== undefined && !want.isPatient) {
      clearTimeout(this.timers.overtake);
      const { aborter, since } = this.flight;
      this.timers.overtake = setTimeout(() => aborter.abort(), Math.max(0, since + PATIENCE - performance.now()));
    }
  }

  async next() {
    const want = this.want;
    if (!want || this.isOver) return;
    const aborter = new AbortController();
    [this.want, this.failed] = [null, null];
    this.flight = { aborter, since: performance.now() };
    this.times.asked = this.flight.since;
    try {
      await this.#move(want, aborter.signal);
    } catch (error) {
      if (!aborter.signal.aborted) this.#fail(want, /** @type {Error} */ (error));
    }
    this.flight = null;
    clearTimeout(this.timers.overtake);
    if (this.want) this.next();
    else this.target.value = null;
  }

  /**
   * @param {Want} want
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  async #move(want, signal) {
    const { scope } = this;
    let at = want.at ?? this.at;
    if (want.by > 0 && at !== END) at = await forward(at, want.by, scope.log, signal);
    if (want.by < 0) at = await back(this.#before(want.at), -want.by, scope.log, signal);
    const { topic, id, after, log } = scope;
    const asked = get(api('state'), id ? { at, log } : { at, topic, after, log }, { signal });
    // The end may be further on by the time that a second question gets there.
    const there = at === END && id ? (await asked).at.position : at;
    const row = topic && id ? get(api('state', topic, id), { at: there, log }, { signal }) : null;
    const [state, entity] = (await Promise.all([asked, row])).map(readable);
    await this.#begins(state.head, log, signal);
    if (signal.aborted || log !== this.scope.log) return;
    const { position } = state.at;
    // A saga's decision is a step as well, and changes nothing: what is told then is the event before it.
    if (state.event?.position !== position) state.change = null;
    if (want.least && position === this.at) return this.#move({ by: want.least }, signal);
    this.at = at === END ? END : position;
    if (at === END && want.by > 0) this.pause();
    batch(() => {
      this.shown.value = { ...scope, at: this.at, state, entity };
      this.error.value = null;
      if ((state.head.number ?? 0) >= (this.head.value?.number ?? 0) || log) this.head.value = state.head;
    });
    this.#write();
  }

  /** What the event before is before. @param {string | undefined} at */
  #before(at) {
    const shown = this.shown.value?.state;
    return (at || undefined) ?? shown?.event?.position ?? shown?.at.position ?? NOTHING;
  }

  /**
   * Finds out when a log without numbers begins.
   *
   * @param {Place} head
   * @param {string | null} log
   * @param {AbortSignal} signal
   */
  async #begins(head, log, signal) {
    if (head.number !== null || this.begin.value) return;
    const { events } = await get(api('log'), { after: NOTHING, limit: 1, log }, { signal });
    if (events[0] && log === this.scope.log) this.begin.value = millisOf(events[0].position);
  }

  /** @param {Want} want @param {Error} error */
  #fail(want, error) {
    this.failed = error instanceof ApiError && error.isFinal ? null : want;
    this.pause();
    this.error.value = error;
  }

  /** Whether somebody goes elsewhere, and {@link follow} has yet to hear of it. */
  #isLeaving() {
    return !same(here(), this.followed);
  }

  /** Has the address follow, so that who reloads or links is where he was; where he is about to go counts for more. */
  #write() {
    const write = () => {
      this.timers.write = 0;
      this.times.write = performance.now();
      if (this.#isLeaving()) {
        this.timers.write = setTimeout(write, WRITE);
        return;
      }
      const { view, query } = here();
      this.written = this.at;
      if (view === 'state' && (query.at ?? END) !== this.at) setQuery({ at: this.at });
    };
    const { topic, event } = this.shown.value?.state ?? {};
    const { view, parts, query } = here();
    const isBare = view === 'state' && parts.length === 0 && !topic;
    if (isBare && event && !this.#isLeaving()) go(href(['state', event.topic], query), { replace: true });
    const wait = this.times.write + WRITE - performance.now();
    if (wait <= 0 && !this.timers.write) write();
    else this.timers.write ||= setTimeout(write, wait);
  }
}
