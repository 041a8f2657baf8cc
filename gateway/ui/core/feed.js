/**
 * Events as they happen. One connection for all views; when it is lost it is made again, and goes on after the last
 * event that was seen: nothing is missed and nothing comes twice.
 */

import { signal } from '@preact/signals';
import { api, ApiError, get, token } from './api.js';
import { parse } from './json.js';

/** @typedef {import('./types.js').LogEvent} LogEvent */

/** @type {import('@preact/signals').Signal<{state: 'connecting' | 'live' | 'lost' | 'ended', detail?: string}>} */
export const connection = signal({ state: 'connecting' });

/** How far a rebuild has come, as long as one runs and a moment longer. @type {import('@preact/signals').Signal<any>} */
export const rebuilding = signal(null);

/** The last position that has been seen. @type {import('@preact/signals').Signal<string | null>} */
export const head = signal(null);

/** @type {Set<(events: LogEvent[]) => void>} */
const listeners = new Set();

/** How long to wait before the connection is made again, milliseconds: at first, and at most. */
const [SOON, LATEST] = [250, 5_000];

/** Events are handed on together, this many milliseconds after the first of them, or with the next frame. */
const GATHER = 50;

/** After how many quiet milliseconds it is asked whether the connection is as alive as it seems. */
const QUIET = 10_000;

/** How many milliseconds an event may be on its way before the connection counts as broken. */
const LATE = 2_000;

/**
 * Has `listener` called with events as they come, in log order.
 *
 * @param {(events: LogEvent[]) => void} listener
 * @returns {() => void} ends it
 */
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Where to go on after a connection was lost. Two events may stand at one position in logs that other programs wrote: so
 * it is asked for what comes after the position before, and what has been seen of the last is left out.
 */
class Seen {
  /** @param {string} position */
  constructor(position) {
    this.before = position;
    this.position = position;
    /** @type {Set<string>} */
    this.ids = new Set();
  }

  /**
   * Whether an event is new; then it has been seen.
   *
   * @param {LogEvent} event
   */
  isNew(event) {
    if (event.position === this.position) {
      if (this.ids.has(event.event_id)) return false;
      this.ids.add(event.event_id);
      return true;
    }
    this.before = this.position;
    this.position = event.position;
    this.ids = new Set([event.event_id]);
    return true;
  }
}

/** @type {Seen | null} */
let seen = null;
let failures = 0;
/** @type {LogEvent[]} */
let gathered = [];
let [handing, framing, waiting, heard, turns] = [0, 0, 0, 0, 0];
/** @type {WebSocket | null} */
let socket = null;

/** Connects; where that is waited for, at once. */
export async function follow() {
  clearTimeout(waiting);
  if (socket !== null) return;
  const turn = (turns += 1);
  connection.value = failures === 0 ? { state: 'connecting' } : { ...connection.value, state: 'lost' };
  try {
    // Says no in words where a WebSocket would only fail.
    const status = await get(api('status'));
    if (turn !== turns) return;
    seen ??= new Seen(status.head.position);
    head.value ??= seen.position;
  } catch (error) {
    if (turn === turns) again(error instanceof Error ? error.message : String(error));
    return;
  }
  const url = new URL('ws', document.baseURI);
  url.protocol = url.protocol.replace('http', 'ws');
  url.searchParams.set('after', seen.before);
  url.searchParams.set('rebuilds', '1');
  const opened = new WebSocket(url, ['retrace', ...(token.value ? [`bearer.${base64url(token.value)}`] : [])]);
  socket = opened;
  opened.onopen = () => {
    failures = 0;
    heard = performance.now();
    connection.value = { state: 'live' };
  };
  opened.onmessage = ({ data }) => {
    heard = performance.now();
    take(parse(data));
  };
  opened.onclose = ({ reason }) => lose(opened, reason);
}

/**
 * The connection is no more, whether the browser knows or not.
 *
 * @param {WebSocket} lost
 * @param {string} reason
 */
function lose(lost, reason) {
  if (lost !== socket) return;
  socket = null;
  lost.close();
  if (connection.value.state !== 'ended') again(reason);
}

setInterval(check, QUIET / 2);

/**
 * A connection that has broken without a word (a laptop that slept, a router that forgot it) looks like one on which
 * nothing happens: so it is asked whether something has.
 */
async function check() {
  const [asked, place] = [socket, seen];
  if (asked === null || place === null || performance.now() - heard < QUIET) return;
  const reason = 'Nothing comes over the connection any more.';
  try {
    const { events } = await get(api('log'), { after: place.position, limit: 1 });
    if (events.length === 0) return;
    const began = performance.now();
    setTimeout(() => heard < began - LATE && lose(asked, reason), LATE);
  } catch (error) {
    if (error instanceof ApiError && error.status === 0) lose(asked, error.message);
  }
}

/** @param {any} message */
function take(message) {
  if (message.error === 'lost') {
    connection.value = { state: 'ended', detail: message.detail };
  } else if (message.rebuild !== undefined) {
    rebuilding.value = message;
  } else if (message.position !== undefined && seen?.isNew(message)) {
    gathered.push(message);
    if (handing === 0) {
      handing = setTimeout(hand, GATHER);
      framing = requestAnimationFrame(hand);
    }
  }
}

function hand() {
  clearTimeout(handing);
  cancelAnimationFrame(framing);
  const events = gathered;
  [gathered, handing] = [[], 0];
  head.value = events.at(-1)?.position ?? head.value;
  for (const listener of listeners) {
    try {
      listener(events);
    } catch (error) {
      // One that can't make sense of an event takes nothing from the others.
      reportError(error);
    }
  }
}

/** @param {string} detail */
function again(detail) {
  connection.value = { state: 'lost', detail };
  const wait = Math.min(SOON * 2 ** failures, LATEST);
  failures += 1;
  clearTimeout(waiting);
  waiting = setTimeout(follow, wait * (0.75 + Math.random() / 2));
}

/** @param {string} text */
const base64url = (text) => {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
};
